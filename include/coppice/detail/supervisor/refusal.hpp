#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/report.hpp>

#include <boost/system/error_code.hpp>

#include <string>

namespace coppice::detail {

class scheduler;

// What there is to tell of a start that was refused, for as long as somebody may still hear of it in
// another way. The scheduler lists these, and empties the list before it goes: whoever drops the answer
// later than that tells nobody.
struct COPPICE_API refusal : list_hook {
  refusal(scheduler& s, const child_info& c);
  void tell(boost::system::error_code error, const exit_reason& reason) const noexcept;

  scheduler& at;
  std::string supervisor;
  std::string id;
  child_info about;  // its views are those of the two texts
};

}  // namespace coppice::detail
