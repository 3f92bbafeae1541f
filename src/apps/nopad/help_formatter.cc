#include "apps/nopad/help_formatter.h"

#include <sstream>
#include <string_view>

namespace nopad::apps {
namespace {

constexpr size_t kColumns = 80;
constexpr std::string_view kIndent = "        ";

std::string wrap(const std::string& text) {
  std::istringstream words(text);
  std::string out, line(kIndent);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + '\n';
      line = kIndent;
    }
    if (line.size() > kIndent.size()) line += ' ';
    line += word;
  }
  return out + line + '\n';
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  // CLI11 leaves two empty lines between groups.
  return CLI::detail::find_and_replace(Formatter::make_help(app, std::move(name), mode), "\n\n\n",
                                       "\n\n");
}

std::string HelpFormatter::make_usage(const CLI::App*, std::string name) const {
  return "\nUsage: " + name + ' ' + usage_ + '\n';
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  const bool is_list = is_positional && option->get_expected_max() > 1;
  std::string names = is_positional ? option->get_name(true) + (is_list ? "..." : "") : "";
  for (const std::string& name : option->get_snames())
    names += (names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option->get_lnames())
    names += (names.empty() ? "--" : ", --") + name;
  if (!is_positional && !option->get_type_name().empty()) names += ' ' + option->get_type_name();
  std::string meaning = option->get_description();
  if (option->get_required()) meaning += " Required.";
  if (!option->get_default_str().empty()) meaning += " Default: " + option->get_default_str() + '.';
  if (!option->get_envname().empty()) meaning += " Environment: " + option->get_envname() + '.';
  return "  " + names + '\n' + wrap(meaning);
}

}  // namespace nopad::apps
