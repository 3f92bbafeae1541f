// The commands of `nopad`, each declared in its own file and run by main().
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace nopad::apps {

struct Command {
  CLI::App* arguments = nullptr;  // its part of the command line; belongs to the parent
  std::function<void()> run;      // after the command line is parsed
};

Command add_embed_command(CLI::App& parent);
Command add_search_command(CLI::App& parent);
Command add_classify_command(CLI::App& parent);
Command add_rerank_command(CLI::App& parent);
Command add_fill_mask_command(CLI::App& parent);
Command add_tag_command(CLI::App& parent);
Command add_answer_command(CLI::App& parent);
Command add_tokenize_command(CLI::App& parent);
Command add_inspect_command(CLI::App& parent);

}  // namespace nopad::apps
