// nopad search: the texts nearest to a query.
#include <unistd.h>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/nopad/arguments.h"
#include "apps/nopad/commands.h"
#include "apps/nopad/encode_records.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/interrupt.h"
#include "apps/nopad/line_job.h"
#include "apps/nopad/nearest.h"
#include "apps/nopad/output.h"
#include "apps/nopad/terminal.h"
#include "nopad/core/error.h"
#include "nopad/io/npy.h"

namespace nopad::apps {
namespace {

struct SearchArguments {
  EncoderArguments encoder;
  InputArguments input;
  ReportArguments report;
  std::vector<std::string> queries;
  std::optional<std::string> query_prompt_name;
  std::optional<std::string> vectors;
  int64_t top = 5;
  bool as_json = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad search --model all-MiniLM-L6-v2 --query \"a quiet place\" lines.txt\n"
    "  nopad search --model all-MiniLM-L6-v2 --query love --separator % \\\n"
    "      /usr/share/games/fortunes/love\n"
    "  nopad embed --model all-MiniLM-L6-v2 --output rows.npy lines.txt\n"
    "  nopad search --model all-MiniLM-L6-v2 --query war --query peace --vectors rows.npy "
    "lines.txt\n";

std::span<const float> row_of(const Tensor& rows, int64_t row) {
  const auto dim = static_cast<size_t>(rows.dim(1));
  return rows.values<float>().subspan(static_cast<size_t>(row) * dim, dim);
}

// The best hits of each query, over all records that are offered.
class Search {
 public:
  // queries : [Q, dim]
  Search(Tensor queries, int64_t top)
      : queries_(std::move(queries)),
        nearest_(static_cast<size_t>(queries_.dim(0)), NearestRecords(static_cast<size_t>(top))) {}

  // index : of the record, from 0
  // Throws FormatError: a vector with NaN or Inf.
  void offer(const Record& record, int64_t index, std::span<const float> row) {
    for (size_t q = 0; q < nearest_.size(); ++q) {
      const double score = cosine(row_of(queries_, static_cast<int64_t>(q)), row);
      if (!std::isfinite(score)) {
        fail<FormatError>(place_of(record), ": vector: expected finite numbers, got NaN or Inf");
      }
      if (nearest_[q].would_keep(score, index)) nearest_[q].add({score, index, record});
    }
  }
  std::vector<Hit> take(size_t query) { return nearest_[query].take(); }

 private:
  Tensor queries_;
  std::vector<NearestRecords> nearest_;
};

void search_texts(const SearchArguments& arguments, const TextEncoder& encoder,
                  RecordReader& reader, Search& search) {
  RunTotals totals;
  {
    Progress progress(arguments.report.wants_progress(), reader.total_bytes());
    int64_t index = 0;
    totals =
        encode_records(reader, encoder, arguments.encoder.model.options.batch_tokens, progress,
                       [&](std::span<const Record> records, const Tensor& rows) {
                         for (int64_t i = 0; i < std::ssize(records); ++i, ++index) {
                           search.offer(records[static_cast<size_t>(i)], index, row_of(rows, i));
                         }
                       });
  }
  report_totals(arguments.report, "search", totals);
}

std::string names_of(const std::vector<std::string>& files) {
  std::string out;
  for (const std::string& file : files) out += concat(out.empty() ? "" : ", ", file);
  return out.empty() ? "<stdin>" : out;
}

void search_rows(const SearchArguments& arguments, const Tensor& rows, RecordReader& reader,
                 Search& search) {
  Record record;
  int64_t index = 0;
  for (; reader.next(record); ++index) {
    if (index < rows.dim(0)) search.offer(record, index, row_of(rows, index));
    throw_if_interrupted();
  }
  if (index != rows.dim(0)) {
    fail<InputError>(*arguments.vectors, ": expected a row for each of the ", index, " texts in ",
                     names_of(arguments.input.files), ", got ", rows.dim(0), " rows");
  }
}

Tensor read_rows(const std::string& path, int64_t dim) {
  Tensor rows = io::read_npy(path);
  if (rows.dim(1) != dim) {
    fail<FormatError>(path, ": columns: expected the model's dimension ", dim, ", got ",
                      rows.dim(1));
  }
  return rows;
}

Tensor embed_queries(const SearchArguments& arguments, const TextEncoder& encoder) {
  const auto embed = [&](const TextEncoder& with) {
    try {
      return with.embed(arguments.queries);
    } catch (const InputError& error) {
      fail<InputError>("--query: ", error.what());
    } catch (const LimitError& error) {
      fail<LimitError>("--query: ", error.what());
    }
  };
  if (!arguments.query_prompt_name) return embed(encoder);
  EncoderArguments with_prompt = arguments.encoder;
  with_prompt.sentence.prompt_name = arguments.query_prompt_name;
  return embed(with_prompt.load());
}

void write_json(const std::string& query, std::span<const Hit> hits, Output& output) {
  for (size_t rank = 0; rank < hits.size(); ++rank) {
    const Hit& hit = hits[rank];
    const nlohmann::ordered_json line{{"query", query},          {"rank", rank + 1},
                                      {"score", hit.score},      {"index", hit.index},
                                      {"file", hit.record.file}, {"line", hit.record.line},
                                      {"text", hit.record.text}};
    // A path need not be UTF-8.
    output.write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
}

void write_text(std::span<const Hit> hits, Output& output) {
  for (const Hit& hit : hits) {
    char score[32];
    std::snprintf(score, sizeof score, "%6.3f", hit.score);
    std::string line = concat(score, "  ", place_of(hit.record), "  ", one_line(hit.record.text));
    if (is_terminal(STDOUT_FILENO)) line = cut_to_columns(line, terminal_columns(STDOUT_FILENO));
    output.write(line + "\n");
  }
}

void write_hits(const SearchArguments& arguments, Search& search) {
  Output output;
  for (size_t q = 0; q < arguments.queries.size(); ++q) {
    const std::vector<Hit> hits = search.take(q);
    if (arguments.as_json) {
      write_json(arguments.queries[q], hits, output);
      continue;
    }
    if (arguments.queries.size() > 1) {
      output.write(concat(q == 0 ? "" : "\n", one_line(arguments.queries[q]), "\n"));
    }
    write_text(hits, output);
  }
  output.finish();
}

void run_search(const SearchArguments& arguments) {
  if (arguments.top < 1) fail<OptionError>("--top: expected 1 or more, got ", arguments.top);
  RecordReader reader = arguments.input.open();
  const TextEncoder encoder = arguments.encoder.load();
  Search search(embed_queries(arguments, encoder), arguments.top);
  if (arguments.vectors) {
    search_rows(arguments, read_rows(*arguments.vectors, encoder.dim()), reader, search);
  } else {
    search_texts(arguments, encoder, reader, search);
  }
  write_hits(arguments, search);
}

}  // namespace

Command add_search_command(CLI::App& parent) {
  const auto arguments = std::make_shared<SearchArguments>();
  CLI::App& app = *parent.add_subcommand("search", "Find the texts nearest to a query");
  app.formatter(std::make_shared<HelpFormatter>("--model DIR --query TEXT [OPTION]... [FILE]..."));
  app.option_defaults()->group("Search");
  app.add_option("--query", arguments->queries,
                 "What to look for; may be given several times. Hits are ordered by the cosine of "
                 "the angle between the query's and a text's vector, from 1 down to -1.")
      ->type_name("TEXT")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--top", arguments->top, "How many texts to show for each query.")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--vectors", arguments->vectors,
                 "The texts' vectors, as `nopad embed` wrote them with the same model and options; "
                 "only the queries are then computed. One row for each text.")
      ->type_name("ROWS.npy");
  app.add_option("--query-prompt-name", arguments->query_prompt_name,
                 "Which of the model directory's prompts to put before each query. Default: that "
                 "of --prompt-name.")
      ->type_name("NAME");
  arguments->input.add_to(app);
  arguments->encoder.add_to(app);
  app.option_defaults()->group("Output");
  app.add_flag("--json", arguments->as_json,
               "One JSON object per hit: query, rank, score, index, file, line, text. Otherwise "
               "lines of score, file:line and text, cut to the width of a terminal.");
  arguments->report.add_to(app);
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_search(*arguments); }};
}

}  // namespace nopad::apps
