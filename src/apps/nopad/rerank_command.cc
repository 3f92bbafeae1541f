// nopad rerank: documents in the order in which they answer a query.
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/nopad/commands.h"
#include "apps/nopad/exit_codes.h"
#include "apps/nopad/help_formatter.h"
#include "apps/nopad/line_job.h"
#include "apps/nopad/nearest.h"
#include "nopad/core/error.h"
#include "nopad/runtime/reranker.h"

namespace nopad::apps {
namespace {

struct RerankArguments {
  LineJobArguments job;
  std::optional<std::string> query;
  std::optional<std::string> query_field, documents_field;
  int64_t top = 0;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  nopad rerank --model cross-encoder --query \"how do fish sleep\" --top 10 documents.txt\n"
    "  nopad rerank --model cross-encoder --query \"how do fish sleep\" --field body posts.jsonl\n"
    "  nopad rerank --model cross-encoder --query-field query --documents-field documents \\\n"
    "      queries.jsonl > ranked.jsonl\n";

// A query with each of its documents.
struct QueryPairs {
  std::vector<text::Encoding> pairs;
};

TokenCount count_tokens(const QueryPairs& query) {
  TokenCount count = apps::count_tokens(query.pairs);
  for (const text::Encoding& pair : query.pairs) count.is_truncated |= pair.num_truncated > 0;
  return count;
}

Json describe_ranking(std::span<const RankedDocument> ranking) {
  Json out = Json::array();
  for (const auto& [index, score] : ranking) {
    out.push_back({{"index", index}, {"score", to_json(score)}});
  }
  return {{"ranking", std::move(out)}};
}

// Each record is a query with its documents.
void rerank_queries(const RerankArguments& arguments, const Reranker& reranker,
                    RecordReader& reader) {
  const auto tokenize = [&](const Record& record) {
    QueryPairs query;
    for (const std::string& document : record.others) {
      query.pairs.push_back(reranker.tokenize(record.text, document));
    }
    return query;
  };
  const auto answer = [&](std::span<const Record>, std::span<const QueryPairs> queries) {
    std::vector<text::Encoding> pairs;
    for (const QueryPairs& query : queries) {
      pairs.insert(pairs.end(), query.pairs.begin(), query.pairs.end());
    }
    const std::vector<float> scores = reranker.scores(pairs);
    std::span<const float> rest = scores;
    std::vector<Json> out;
    for (const QueryPairs& query : queries) {
      out.push_back(describe_ranking(rank_scores(rest.first(query.pairs.size()), arguments.top)));
      rest = rest.subspan(query.pairs.size());
    }
    return out;
  };
  run_line_job(arguments.job, "rerank", reader, tokenize, answer);
}

void write_hits(const std::string& output, const std::vector<Hit>& hits) {
  ResultWriter writer(output);
  for (size_t rank = 0; rank < hits.size(); ++rank) {
    const auto& [score, index, record] = hits[rank];
    writer.write(
        record, index,
        {{"rank", rank + 1}, {"score", to_json(static_cast<float>(score))}, {"text", record.text}});
  }
  writer.finish();
}

// Each record is a document; what is written waits for the last of them.
void rerank_documents(const RerankArguments& arguments, const Reranker& reranker,
                      RecordReader& reader) {
  NearestRecords best(arguments.top == 0 ? std::numeric_limits<size_t>::max()
                                         : static_cast<size_t>(arguments.top));
  int64_t index = 0;
  const auto tokenize = [&](const Record& record) {
    return reranker.tokenize(*arguments.query, record.text);
  };
  const auto keep = [&](std::span<const Record> records, std::span<const text::Encoding> pairs) {
    const std::vector<float> scores = reranker.scores(pairs);
    for (size_t i = 0; i < records.size(); ++i, ++index) {
      if (std::isnan(scores[i])) {
        fail<FormatError>(place_of(records[i]), ": score: expected a number, got NaN");
      }
      if (best.would_keep(scores[i], index)) best.add({scores[i], index, records[i]});
    }
  };
  RunTotals totals;
  {
    Progress progress(arguments.job.report.wants_progress(), reader.total_bytes());
    totals =
        run_records(reader, arguments.job.model.options.batch_tokens, progress, tokenize, keep);
  }
  write_hits(arguments.job.output, best.take());
  report_totals(arguments.job.report, "rerank", totals);
}

void run_rerank(const RerankArguments& arguments) {
  const bool are_queries = arguments.query_field && arguments.documents_field;
  const bool has_field = arguments.query_field || arguments.documents_field;
  if (has_field != are_queries || has_field == arguments.query.has_value()) {
    fail<OptionError>("expected --query, or --query-field with --documents-field");
  }
  if (are_queries && arguments.job.input.config.field) {
    fail<OptionError>("--field, --query-field: expected one of them, got both");
  }
  if (arguments.top < 0) fail<OptionError>("--top: expected 0 or more, got ", arguments.top);
  InputArguments input = arguments.job.input;
  if (are_queries) {
    input.config.field = arguments.query_field;
    input.config.list_field = arguments.documents_field;
  }
  RecordReader reader = input.open();
  const ModelArguments& model = arguments.job.model;
  const auto reranker = Reranker::load(model.model, model.complete_options());
  if (are_queries) {
    rerank_queries(arguments, reranker, reader);
  } else {
    rerank_documents(arguments, reranker, reader);
  }
}

}  // namespace

Command add_rerank_command(CLI::App& parent) {
  const auto arguments = std::make_shared<RerankArguments>();
  CLI::App& app = *parent.add_subcommand("rerank", "Order documents by how well they fit a query");
  app.formatter(std::make_shared<HelpFormatter>(
      "--model DIR (--query TEXT | --query-field NAME --documents-field NAME) [OPTION]... "
      "[FILE]..."));
  app.option_defaults()->group("Ranking");
  app.add_option("--query", arguments->query, "The query; each text of the input is a document.")
      ->type_name("TEXT");
  app.add_option("--query-field", arguments->query_field,
                 "Each line is a JSON object; the string of this name in it is a query.")
      ->type_name("NAME");
  app.add_option("--documents-field", arguments->documents_field,
                 "The array of strings of this name in it are that query's documents.")
      ->type_name("NAME");
  app.add_option("--top", arguments->top,
                 "How many documents to give for each query; 0: all, and with --query all are "
                 "then kept in memory.")
      ->type_name("N")
      ->capture_default_str();
  arguments->job.add_to(
      app,
      "with --query {\"index\":7,\"file\":\"lines.txt\",\"line\":8,\"rank\":1,\"score\":0.9,"
      "\"text\":\"...\"} per document, the best first; else {\"index\":0,\"file\":"
      "\"queries.jsonl\",\"line\":1,\"ranking\":[{\"index\":3,\"score\":0.9}]} per query, where a "
      "ranking's indices count its documents from 0.");
  app.footer(concat(kExitCodesHelp, "\n", kExamples));
  return {&app, [arguments] { run_rerank(*arguments); }};
}

}  // namespace nopad::apps
