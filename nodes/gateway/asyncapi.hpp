// /asyncapi.json: made when it is first asked for, then kept.
#pragma once

#include <mutex>
#include <string>

#include "nodes/gateway/call.hpp"

namespace millrace::gateway {

struct core;

/// Thread-safe.
class asyncapi_document {
 public:
  void answer(const core& g, const call_ptr& c);

 private:
  std::once_flag made_;
  std::string text_;
};

}  // namespace millrace::gateway
