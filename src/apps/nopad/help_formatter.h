// HelpFormatter: `--help` as a manual page reads: each option on a line, its meaning below.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

namespace nopad::apps {

class HelpFormatter : public CLI::Formatter {
 public:
  // usage : the arguments after the command's name, e.g. "--model DIR [OPTION]... [FILE]..."
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {
    label("Positionals", "Arguments");
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;

 private:
  std::string usage_;
};

}  // namespace nopad::apps
