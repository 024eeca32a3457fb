// alone: what is specialised belongs to coppice's own namespace.
#include <coppice.hpp>
#include <coppice/sqlite_stash.hpp>

#include <string>
#include <string_view>

struct ledger {};
std::string to_text(const ledger& l);
ledger from_text(std::string_view text);
ledger from_old_text(std::string_view text);

// fragment
