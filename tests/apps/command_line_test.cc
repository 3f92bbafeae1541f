// The command line itself: help, version, usage errors.
#include <gtest/gtest.h>

#include "apps/run_command.h"

namespace nopad::test {
namespace {

TEST(CommandLine, HelpOfEachCommandIsOnStandardOutputAndEndsWithZero) {
  for (const char* const command : {"embed", "search", "classify", "rerank", "fill-mask", "tag",
                                    "answer", "tokenize", "inspect"}) {
    const CommandResult result = run_command({command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_NE(result.out.find(std::string("Usage: nopad ") + command), std::string::npos);
    EXPECT_NE(result.out.find("Exit codes:"), std::string::npos) << command;
    EXPECT_NE(result.out.find("Examples:"), std::string::npos) << command;
    EXPECT_EQ(result.err, "") << command;
  }
}

TEST(CommandLine, HelpNamesCommandsEnvironmentAndExitCodes) {
  const CommandResult result = run_command({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* const word :
       {"embed", "search", "classify", "rerank", "fill-mask", "tag", "answer", "tokenize",
        "inspect", "NOPAD_ISA", "NOPAD_THREADS", "NO_COLOR", "141"}) {
    EXPECT_NE(result.out.find(word), std::string::npos) << word;
  }
}

TEST(CommandLine, HelpTellsDefaultsAndEnvironmentOfOptions) {
  const std::string help = run_command({"embed", "--help"}).out;
  EXPECT_NE(help.find("--batch-tokens TOKENS"), std::string::npos);
  EXPECT_NE(help.find("Default: 1024."), std::string::npos);
  EXPECT_NE(help.find("NOPAD_THREADS."), std::string::npos);
}

TEST(CommandLine, VersionIsOneLine) {
  const CommandResult result = run_command({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.rfind("nopad ", 0), 0u) << result.out;
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
}

TEST(CommandLine, AnUnknownFlagIsAUsageError) {
  const CommandResult result = run_command({"embed", "--model", small_model(), "--fast"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "nopad embed: The following argument was not expected: --fast\n"
            "Try 'nopad embed --help'.\n");
}

TEST(CommandLine, NoCommandIsAUsageError) { EXPECT_EQ(run_command({}).exit_code, 2); }

TEST(CommandLine, ASettingOutOfRangeIsAUsageErrorThatNamesBothValues) {
  const CommandResult result = run_command({"embed", "--model", small_model(), "--dtype", "f64"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "nopad embed: dtype: expected auto, f32 or bf16, got f64\n");
  EXPECT_EQ(run_command({"embed", "--model", small_model(), "--batch-tokens", "0"}).exit_code, 2);
  EXPECT_EQ(run_command({"embed", "--model", small_model(), "--format", "csv"}).exit_code, 2);
  EXPECT_EQ(run_command({"embed", "--model", small_model(), "--threads", "-1"}).exit_code, 2);
}

TEST(CommandLine, TheEnvironmentChoosesTheInstructionSet) {
  const CommandResult result = run_command({"embed", "--model", small_model()},
                                           {.input = "a\n", .environment = {"NOPAD_ISA=mmx"}});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("got mmx"), std::string::npos) << result.err;
  EXPECT_EQ(run_command({"embed", "--model", small_model()},
                        {.input = "a\n", .environment = {"NOPAD_ISA=portable"}})
                .exit_code,
            0);
}

TEST(CommandLine, ClosedOutputOfHelpIsQuiet) {
  const CommandResult result = run_command({"embed", "--help"}, {.closes_output = true});
  EXPECT_EQ(result.exit_code, 141);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace nopad::test
