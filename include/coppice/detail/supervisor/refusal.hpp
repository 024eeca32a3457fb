#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/report.hpp>

#include <boost/system/error_code.hpp>

#include <string>

namespace coppice::detail {

class scheduler;

// The report of a start that was refused. It is held back as long as a caller may still hear of the
// refusal by the answer, and told when the answer is dropped unheard. The scheduler lists the
// refusals, and empties the list before it goes: an answer that is dropped after that is not
// reported.
struct COPPICE_API refusal : list_hook {
  refusal(scheduler& s, const child_info& c);
  void tell(boost::system::error_code error, const exit_reason& reason) const noexcept;

  scheduler& at;
  std::string supervisor;
  std::string id;
  child_info about;  // its views refer to the two texts above
};

}  // namespace coppice::detail
