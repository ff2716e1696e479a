// SHA-256 of what comes piece by piece.
#pragma once

#include <memory>

#include "cluster/sha256.hpp"
#include "schemas/model.hpp"

namespace millrace {

/// Single-threaded.
class sha256_stream {
 public:
  sha256_stream();
  ~sha256_stream();
  sha256_stream(sha256_stream&&) noexcept;
  sha256_stream& operator=(sha256_stream&&) noexcept;
  void add(bytes_view piece);
  /// Of all that was added; nothing may be added afterwards.
  [[nodiscard]] sha256_digest end();

 private:
  struct context;
  std::unique_ptr<context> context_;
};

}  // namespace millrace
