#include "row_checksum.hpp"

#include <boost/crc.hpp>

namespace coppice::detail {

namespace {

// CRC-64/XZ, which finds out any damage of up to 64 bits in a row.
using crc =
    boost::crc_optimal<64, 0x42f0e1eba9ea3693U, ~std::uint64_t{0}, ~std::uint64_t{0}, true, true>;

void add(crc& to, std::int64_t n) {
  const auto bits = static_cast<std::uint64_t>(n);
  for (int i = 0; i < 8; ++i) to.process_byte(static_cast<unsigned char>(bits >> (8 * i) & 0xff));
}

}  // namespace

std::int64_t checksum_of(std::string_view key, std::string_view state, std::int64_t crashes) {
  crc all;
  add(all, crashes);
  add(all, static_cast<std::int64_t>(key.size()));
  all.process_bytes(key.data(), key.size());
  all.process_bytes(state.data(), state.size());
  return static_cast<std::int64_t>(all.checksum());
}

}  // namespace coppice::detail
