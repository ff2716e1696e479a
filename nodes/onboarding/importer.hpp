// Sends an import's commands to a running node and gathers what became of each line.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nodes/client/http_client.hpp"
#include "nodes/json/json_value.hpp"
#include "nodes/onboarding/lines.hpp"

namespace millrace::onboarding_file {

/// A running node as its client sees it: one token for each system that it speaks for.
class node_client {
 public:
  node_client(std::string url, std::map<std::string, std::string> tokens)
      : url_(std::move(url)), tokens_(std::move(tokens)) {}
  /// The answer, whatever its status; what is not there by then is tried again for 30 s, since
  /// every call here may be repeated. Errors: client.connection, client.timeout, request.not_json.
  [[nodiscard]] result<json_value> call(const std::string& system, const std::string& method,
                                        const std::string& path, const json_value& body,
                                        long& status, const std::string& key = {});
  /// The same, and anything but 200 and 202 is an error with the node's code.
  [[nodiscard]] result<json_value> must(const std::string& system, const std::string& method,
                                        const std::string& path, const json_value& body = {},
                                        const std::string& key = {});

 private:
  std::string url_;
  std::map<std::string, std::string> tokens_;
  http_client client_;
};

struct file_outcome {
  std::size_t lines = 0, accepted = 0, rejected = 0;
};

struct import_outcome {
  std::vector<file_outcome> files;  // as in plan::files
  std::vector<rejection> rejected;  // by file and line
  std::size_t commands = 0, replayed = 0;
  std::vector<std::string> exceptions;  // facts that were taken and could not be posted yet
};

/// What a dry run knows: the lines that make no command.
[[nodiscard]] import_outcome not_sent(const import_plan& what);
/// Sends the commands that are not there yet, with the token of `system`. Errors: those of
/// node_client; what was accepted until then stays, and the next run goes on.
[[nodiscard]] result<import_outcome> send_import(node_client& node, const plan& p,
                                                 const import_plan& what,
                                                 const std::string& system = "erp");

}  // namespace millrace::onboarding_file
