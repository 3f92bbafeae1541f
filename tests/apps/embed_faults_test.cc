// nopad embed: bad input, bad models, full disks and closed pipes.
#include <gtest/gtest.h>
#include <signal.h>

#include "apps/run_command.h"
#include "io/scratch_directory.h"

namespace nopad::test {
namespace {

CommandResult embed(std::vector<std::string> options, const CommandSetting& setting = {}) {
  options.insert(options.begin(), {"embed", "--model", small_model()});
  return run_command(options, setting);
}

void expect_failure(const CommandResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(result.err, "nopad embed: " + message + "\n");
}

// A copy of the small model that can be spoiled.
std::string copy_of_model(const ScratchDirectory& folder) {
  std::filesystem::copy(small_model(), folder / "model", std::filesystem::copy_options::recursive);
  return (folder / "model").string();
}

TEST(EmbedFaults, ALineThatIsTooLongIsNamedWhenNotTruncating) {
  const ScratchDirectory folder;
  const std::string file = folder.write("lines", "a\nthe fish\n").string();
  const CommandResult result = embed({"--no-truncate", "--max-length", "3", file});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err.rfind("nopad embed: " + file + ":2: ", 0), 0u) << result.err;
  EXPECT_NE(result.err.find("expected at most "), std::string::npos) << result.err;
}

TEST(EmbedFaults, InvalidUtf8IsNamedByFileLineAndByte) {
  expect_failure(embed({}, {.input = "a\nfis\xffh\n"}), 3,
                 "<stdin>:2: expected UTF-8, got the byte 0xff at offset 3");
}

TEST(EmbedFaults, ALineBeyondTheBoundIsNamed) {
  expect_failure(embed({"--max-line-bytes", "4"}, {.input = "fish\nfishes\n"}), 3,
                 "<stdin>:2: expected at most 4 bytes in a line, got more");
}

TEST(EmbedFaults, JsonLinesWithoutTheFieldAreNamed) {
  expect_failure(embed({"--field", "body"}, {.input = "{\"body\":\"a\"}\n{\"text\":\"a\"}\n"}), 3,
                 "<stdin>:2: body: expected a string, got nothing");
  EXPECT_EQ(embed({"--field", "body"}, {.input = "{\"body\":7}\n"}).exit_code, 3);
  EXPECT_EQ(embed({"--field", "body"}, {.input = "\n"}).exit_code, 3);
  EXPECT_EQ(embed({"--field", "body"}, {.input = std::string(9999, '[')}).exit_code, 3);
}

TEST(EmbedFaults, AMissingInputFileIsFoundBeforeAnythingIsWritten) {
  const ScratchDirectory folder;
  const std::string lines = folder.write("lines", "a\n").string();
  const CommandResult result = embed({lines, "/nowhere/lines"});
  expect_failure(result, 4, "/nowhere/lines: can't be opened: No such file or directory");
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(embed({folder.path().string()}).exit_code, 4);
}

TEST(EmbedFaults, AMissingModelIsNamed) {
  const CommandResult result = run_command({"embed", "--model", "/nowhere"}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("/nowhere"), std::string::npos) << result.err;
}

TEST(EmbedFaults, AFolderThatIsNoModelIsNamed) {
  const ScratchDirectory folder;
  const CommandResult result =
      run_command({"embed", "--model", folder.path().string()}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("config.json"), std::string::npos) << result.err;
}

TEST(EmbedFaults, ATruncatedModelFileIsNamed) {
  const ScratchDirectory folder;
  const std::string model = copy_of_model(folder);
  std::filesystem::resize_file(folder / "model/model.safetensors", 20000);
  const CommandResult result = run_command({"embed", "--model", model}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("model.safetensors"), std::string::npos) << result.err;
}

TEST(EmbedFaults, AConfigThatIsNotJsonIsNamed) {
  const ScratchDirectory folder;
  const std::string model = copy_of_model(folder);
  folder.write("model/config.json", "{\"hidden_size\":");
  const CommandResult result = run_command({"embed", "--model", model}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("config.json"), std::string::npos) << result.err;
}

TEST(EmbedFaults, AModelWithoutPoolingAsksForOne) {
  const std::string model = NOPAD_TEST_DATA "/models/bert-odd-heads-3";
  const CommandResult result = run_command({"embed", "--model", model}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("pooling"), std::string::npos) << result.err;
  EXPECT_EQ(
      run_command({"embed", "--model", model, "--pooling", "mean"}, {.input = "a\n"}).exit_code, 0);
}

TEST(EmbedFaults, AClosedOutputIsQuietInEachFormat) {
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "the fish\n";
  for (const char* const format : {"jsonl", "npy", "raw"}) {
    const CommandResult result =
        embed({"--format", format}, {.input = input, .closes_output = true});
    EXPECT_EQ(result.exit_code, 141) << format;
    EXPECT_EQ(result.err, "") << format;
  }
}

TEST(EmbedFaults, AFullDeviceIsNamedInEachFormat) {
  for (const char* const format : {"jsonl", "npy", "raw"}) {
    const CommandResult result =
        embed({"--format", format}, {.input = "the fish\n", .output = "/dev/full"});
    EXPECT_EQ(result.exit_code, 4) << format;
    EXPECT_NE(result.err.find("output: writing "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("No space left on device"), std::string::npos) << result.err;
  }
}

TEST(EmbedFaults, AFileThatCannotGrowStaysAsItWas) {
  const ScratchDirectory folder;
  std::string input;
  for (int i = 0; i < 5000; ++i) input += "the fish\n";
  for (const char* const name : {"rows.npy", "rows.jsonl", "rows.raw"}) {
    const std::string file = folder.write(name, "old").string();
    const size_t num_files = folder.num_files();
    const CommandResult result =
        embed({"--output", file}, {.input = input, .max_file_bytes = 65536});
    EXPECT_EQ(result.exit_code, 4) << name;
    EXPECT_NE(result.err.find(file + ": writing "), std::string::npos) << result.err;
    EXPECT_EQ(content_of(file), "old") << name;
    EXPECT_EQ(folder.num_files(), num_files) << "something was left beside " << name;
  }
}

TEST(EmbedFaults, BadInputInTheMiddleLeavesTheOldFile) {
  const ScratchDirectory folder;
  const std::string file = folder.write("rows.npy", "old").string();
  EXPECT_EQ(embed({"--output", file, "--batch-tokens", "4"}, {.input = "a\na\n\xff\n"}).exit_code,
            3);
  EXPECT_EQ(content_of(file), "old");
  EXPECT_EQ(folder.num_files(), 1u);
}

TEST(EmbedFaults, AnInterruptLeavesTheOldFile) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const ScratchDirectory folder;
    const std::string file = folder.write("rows.npy", "old").string();
    const CommandResult result = embed(
        {"--output", file},
        {.interruption = Interruption{.signal = signal, .when_exists = folder / ".rows.npy.part"}});
    EXPECT_EQ(result.exit_code, 128 + signal);
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(content_of(file), "old");
    EXPECT_EQ(folder.num_files(), 1u);
  }
}

TEST(EmbedFaults, AnOutputFolderThatIsMissingIsNamed) {
  const CommandResult result = embed({"--output", "/nowhere/rows.npy"}, {.input = "a\n"});
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_NE(result.err.find("/nowhere/rows.npy"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace nopad::test
