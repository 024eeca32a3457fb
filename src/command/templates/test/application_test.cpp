#include <@path@/application.hpp>

#include <coppice.hpp>

#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

TEST_CASE("the application starts its supervisor") {
  boost::asio::io_context io;
  coppice::virtual_clock clock{io};
  const coppice::application_spec application = @module@::application();
  coppice::start_supervisor(io, coppice::applications_spec({application}));
  clock.settle();

  const auto applications = coppice::which_applications(io);
  REQUIRE(applications.size() == 1);
  CHECK(applications[0].state == coppice::application_info::state_type::running);
  CHECK(applications[0].type == coppice::permanent);
  const auto supervisor = coppice::whereis(io, "@name@.supervisor");
  CHECK(applications[0].top == supervisor);
}
