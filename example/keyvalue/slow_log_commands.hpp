#pragma once

#include "commands.hpp"
#include "slow_log.hpp"
#include "words.hpp"

namespace keyvalue {

/// `SLOWLOG`: leaves in `client::asks` what the slow log is to be asked, if it is.
outcome slowlog(store*, client&, arguments, reply_writer);

/// The reply to that.
void write(const slow_log_answer& answer, reply_writer out);

}  // namespace keyvalue
