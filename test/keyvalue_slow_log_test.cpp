#include "../example/keyvalue/slow_log_server.hpp"
#include "support/world.hpp"

#include <coppice/server_ref.hpp>

#include <boost/system/error_code.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <variant>

// The server of the key-value example that has its slow log.

using namespace keyvalue;
using kind = slow_log_query::kind;
using slow_log_ref = coppice::server_ref<slow_log_server>;

namespace {

struct slow_world : world {
  slow_world() { clock.settle(); }

  std::size_t length() {
    std::size_t n = 0;
    const slow_log_server::ask question{{kind::length}};
    log.call(question)([&n](boost::system::error_code, const slow_log_answer& answer) {
      n = std::get<std::size_t>(answer);
    });
    clock.settle();
    return n;
  }

  coppice::supervisor_ref top = coppice::start_supervisor(
      io, {.strategy = coppice::one_for_one,
           .children = {coppice::server<slow_log_server>(slow_log_name)}});
  slow_log_ref log{io, slow_log_name};
};

}  // namespace

TEST_CASE("the slow log outlives its crashes, with what it had not come to") {
  slow_world w;
  w.log.cast<slow_log_server::note>({});
  w.clock.settle();
  w.log.cast<slow_log_server::note>({});
  coppice::exit(w.log.whereis(), coppice::exit_reason::error("a client asked for a crash"));
  w.log.cast<slow_log_server::note>({});
  w.clock.settle();
  CHECK(w.length() == 3);
}

TEST_CASE("a reset does not come late, when its client has been told that there is no answer") {
  slow_world w;
  w.log.cast<slow_log_server::note>({});
  w.clock.settle();
  const slow_log_server::ask reset{{kind::reset}};
  SUBCASE("it has given up") {
    { const auto given_up = w.log.send_request(reset); }
    w.clock.settle();
    CHECK(w.length() == 1);
  }
  SUBCASE("it waits") {
    const auto waiting = w.log.send_request(reset);
    w.clock.settle();
    CHECK(w.length() == 0);
  }
}
