// CRC32C (Castagnoli, RFC 3720 B.4): the checksum of every journal record and metadata row.
// LMDB has no page checksums, so damage is found by ours or not at all.
#pragma once

#include <cstdint>

#include "schemas/model.hpp"

namespace millrace {

/// Continues `crc` (0 to begin) over `data`: crc32c(b, crc32c(a)) == crc32c(a ++ b).
/// Uses SSE4.2 where the processor has it.
[[nodiscard]] std::uint32_t crc32c(bytes_view data, std::uint32_t crc = 0);

/// The same by table, for processors without SSE4.2; public so that tests compare both.
[[nodiscard]] std::uint32_t crc32c_table(bytes_view data, std::uint32_t crc = 0);

}  // namespace millrace
