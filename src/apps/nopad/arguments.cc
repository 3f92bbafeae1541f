#include "apps/nopad/arguments.h"

namespace nopad::apps {
namespace {

void add_text_options(CLI::App& app, ModelOptions& options) {
  app.add_option(
         "--max-length", options.max_length,
         "The most tokens of a text, special ones included; what is longer is cut at the "
         "end (of a pair the longer text is), and counted. Default: the model directory's limit.")
      ->type_name("TOKENS");
  app.add_flag_function(
      "--no-truncate", [&options](int64_t) { options.truncate = false; },
      "Make a longer text an error that names its file and line.");
  app.add_flag_function(
      "--plain-special-tokens", [&options](int64_t) { options.match_special_tokens = false; },
      "Read special tokens that are written in a text, such as [SEP], as plain text. For texts "
      "from strangers.");
}

void add_sentence_options(CLI::App& app, EncoderArguments& arguments) {
  SentenceOptions& sentence = arguments.sentence;
  app.add_option("--pooling", arguments.pooling,
                 "How the vectors of a text's tokens become one: mean, cls, max, mean_sqrt_len, "
                 "weightedmean or lasttoken. Default: what the model directory says; one without "
                 "modules.json needs this option.")
      ->type_name("NAME");
  app.add_flag_function(
      "--normalize,!--no-normalize", [&sentence](int64_t count) { sentence.normalize = count > 0; },
      "Scale each vector to length 1, or don't. Default: what the model directory says.");
  app.add_option("--prompt-name", sentence.prompt_name,
                 "Which of the model directory's prompts to put before each text. Default: its "
                 "default prompt, if it has one.")
      ->type_name("NAME");
}

void add_running_options(CLI::App& app, ModelArguments& arguments) {
  app.add_option("--dtype", arguments.dtype,
                 "What to compute in: f32, bf16 (needs AMX), or auto: bf16 with AMX, else f32.")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--isa", arguments.isa,
                 "The instruction set: portable, avx2, avx512, amx, amx-emulated (slow, to look at "
                 "bf16 results), or auto: the fastest here.")
      ->type_name("NAME")
      ->envname("NOPAD_ISA")
      ->capture_default_str();
  app.add_option("--threads", arguments.options.num_threads,
                 "How many threads compute; 0 means all processors that the process may use. It "
                 "does not change the results.")
      ->type_name("N")
      ->envname("NOPAD_THREADS")
      ->capture_default_str();
  app.add_option("--batch-tokens", arguments.options.batch_tokens,
                 "The most tokens that run at once, of as many texts as they are. More costs "
                 "memory. It does not change the results.")
      ->type_name("TOKENS")
      ->capture_default_str();
}

}  // namespace

void add_model_option(CLI::App& app, std::string& model) {
  app.add_option(
         "--model", model,
         "A model directory as sentence-transformers or transformers saves it: config.json, "
         "weights "
         "(model.safetensors or pytorch_model.bin, whole or in shards), a tokenizer, and where "
         "there is one modules.json.")
      ->type_name("DIR")
      ->required()
      ->group("Model");
}

void ModelArguments::add_to(CLI::App& app) {
  add_model_option(app, model);
  app.option_defaults()->group("Model");
  add_text_options(app, options);
  app.option_defaults()->group("Running");
  add_running_options(app, *this);
  app.option_defaults()->group("Options");
}

ModelOptions ModelArguments::complete_options() const {
  ModelOptions complete = options;
  complete.dtype = compute_type_from_string(dtype);
  complete.isa = isa_from_string(isa);
  return complete;
}

void EncoderArguments::add_to(CLI::App& app) {
  model.add_to(app);
  app.option_defaults()->group("Model");
  add_sentence_options(app, *this);
  app.option_defaults()->group("Options");
}

TextEncoder EncoderArguments::load() const {
  SentenceOptions chosen = sentence;
  if (pooling) chosen.pooling = pooling_from_string(*pooling);
  return TextEncoder::load(model.model, model.complete_options(), chosen);
}

void InputArguments::add_to(CLI::App& app) {
  app.option_defaults()->group("Input");
  app.add_option("FILE", files,
                 "Files to read, in this order; - is standard input, and so is none.");
  app.add_option("--field", config.field,
                 "Each line is a JSON object; take the string of this name in it.")
      ->type_name("NAME");
  app.add_option("--separator", config.separator,
                 "A text is not one line, but all lines up to one that equals STR; its line ends "
                 "become spaces. Files of fortune(6) want %.")
      ->type_name("STR");
  app.add_option("--max-line-bytes", config.max_bytes, "A longer text is an error.")
      ->type_name("BYTES")
      ->capture_default_str();
  app.option_defaults()->group("Options");
}

void InputArguments::add_pairs_to(CLI::App& app) {
  app.option_defaults()->group("Input");
  app.add_flag("--pairs,--pair", config.are_pairs,
               "Each line is two texts with a tab between them, read together.");
  app.add_option("--pair-field", config.pair_field,
                 "Each line is a JSON object; the string of this name in it is the second text, "
                 "that of --field the first.")
      ->type_name("NAME");
  app.option_defaults()->group("Options");
}

void ReportArguments::add_to(CLI::App& app) {
  app.option_defaults()->group("Messages");
  app.add_flag("--quiet,-q", is_quiet, "Write nothing but errors to standard error.");
  app.add_flag("--no-progress", no_progress,
               "No progress bar. There is one only when standard error is a terminal. NO_COLOR in "
               "the environment takes its colour.");
  app.option_defaults()->group("Options");
}

}  // namespace nopad::apps
