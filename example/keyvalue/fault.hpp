#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>

namespace keyvalue {

/// Ends the process of that name with an error, if there is one.
void crash(const char* name);

/// Kills one process out of the tree, be it a supervisor, a connection or the caller; but not the
/// root, with which everything would end. Each kind of process has the same chance, however many
/// there are of it: otherwise it would be a connection almost always.
///
/// @param drawn Chooses which.
void kill_one(boost::asio::io_context& io, std::uint64_t drawn);

}  // namespace keyvalue
