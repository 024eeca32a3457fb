#include "row_checksum.hpp"

#include <boost/crc.hpp>

namespace coppice::detail {

namespace {

// CRC-64/XZ, which detects every damage within 64 consecutive bits. It guards against faults of
// disks and not against people.
using crc =
    boost::crc_optimal<64, 0x42f0e1eba9ea3693U, ~std::uint64_t{0}, ~std::uint64_t{0}, true, true>;

// Numbers go in byte by byte, so that the checksum is the same on machines of either byte order.
void add(crc& to, std::int64_t n) {
  const auto bits = static_cast<std::uint64_t>(n);
  for (int i = 0; i < 8; ++i) to.process_byte(static_cast<unsigned char>(bits >> (8 * i) & 0xff));
}

}  // namespace

std::int64_t checksum_of(std::string_view key, std::string_view state, std::int64_t crashes) {
  crc all;
  add(all, crashes);
  add(all, static_cast<std::int64_t>(key.size()));  // else a part of the key could pass as state
  all.process_bytes(key.data(), key.size());
  all.process_bytes(state.data(), state.size());
  return static_cast<std::int64_t>(all.checksum());
}

}  // namespace coppice::detail
