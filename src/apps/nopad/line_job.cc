#include "apps/nopad/line_job.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "nopad/core/error.h"

namespace nopad::apps {

Json to_json(float value) {
  if (!std::isfinite(value)) return nullptr;
  // The double that these digits are prints as the same digits.
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  double number = 0;
  std::from_chars(digits, end, number);
  return number;
}

void LineJobArguments::add_to(CLI::App& app, const std::string& line) {
  input.add_to(app);
  model.add_to(app);
  app.option_defaults()->group("Output");
  app.add_option("--output,-o", output,
                 concat("Where the results go, in the order of the input: ", line,
                        " A file appears when it is complete; until then the old one stays. - is "
                        "standard output."))
      ->type_name("FILE")
      ->capture_default_str();
  report.add_to(app);
}

ResultWriter::ResultWriter(const std::string& output)
    : output_(output == "-" ? Output() : Output(output)) {}

void ResultWriter::write(const Record& record, int64_t index, const Json& result) {
  ++num_written_;
  Json line{{"index", index}, {"file", record.file}, {"line", record.line}};
  line.update(result);
  // A path need not be UTF-8.
  output_.write(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void ResultWriter::finish() { output_.finish(); }

void report_totals(const ReportArguments& report, std::string_view command,
                   const RunTotals& totals) {
  if (report.is_quiet) return;
  std::fprintf(stderr, "%s\n", concat("nopad ", command, ": ", describe(totals)).c_str());
}

}  // namespace nopad::apps
