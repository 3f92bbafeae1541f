// LineJob: what commands share that answer each record with a line of JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/nopad/arguments.h"
#include "apps/nopad/output.h"
#include "apps/nopad/run_records.h"

namespace nopad::apps {

// Keys stay in the order in which they were set.
using Json = nlohmann::ordered_json;

// As a number that reads back as the same float, in the fewest digits; null if it is not finite.
Json to_json(float value);

struct LineJobArguments {
  ModelArguments model;
  InputArguments input;
  ReportArguments report;
  std::string output = "-";

  // line : what --help says of the output's lines, e.g. "{\"index\":0,...} per text."
  void add_to(CLI::App& app, const std::string& line);
};

class ResultWriter {
 public:
  // output : a file that appears when it is complete, or "-" for standard output
  explicit ResultWriter(const std::string& output);

  // One line: "index", "file" and "line" of the record, then the keys of `result`.
  // index : of the record; without it, as many as were written before
  void write(const Record& record, const Json& result) { write(record, num_written_, result); }
  void write(const Record& record, int64_t index, const Json& result);
  void finish();

 private:
  Output output_;
  int64_t num_written_ = 0;
};

// Says the totals of a job on stderr, unless --quiet.
void report_totals(const ReportArguments& report, std::string_view command,
                   const RunTotals& totals);

// tokenize : as in run_records()
// answer   : (std::span<const Record>, std::span<const Tokens>) -> std::vector<Json>, an object for
//            each record
// Throws   : as run_records()
template <class Tokenize, class Answer>
void run_line_job(const LineJobArguments& arguments, std::string_view command, RecordReader& reader,
                  const Tokenize& tokenize, const Answer& answer) {
  ResultWriter writer(arguments.output);
  RunTotals totals;
  {
    Progress progress(arguments.report.wants_progress(), reader.total_bytes());
    totals = run_records(reader, arguments.model.options.batch_tokens, progress, tokenize,
                         [&](std::span<const Record> records, const auto& tokens) {
                           const std::vector<Json> results = answer(records, tokens);
                           for (size_t i = 0; i < records.size(); ++i) {
                             writer.write(records[i], results[i]);
                           }
                         });
    writer.finish();
  }
  report_totals(arguments.report, command, totals);
}

}  // namespace nopad::apps
