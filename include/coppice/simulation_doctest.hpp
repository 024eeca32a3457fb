#pragma once

#include <coppice/simulation.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <iostream>
#include <streambuf>
#include <string>

// Tells `coppice::simulate` of doctest: a play has failed if an assertion has, the command that
// plays a seed again names the test case, and nothing is printed while a failed play is played
// again with fewer faults. Included in one source of a program or in several.

namespace coppice {

// Counts the assertions that fail, for `simulate`. Registered by including this header.
class doctest_simulation_listener final : public doctest::IReporter {
 public:
  explicit doctest_simulation_listener(const doctest::ContextOptions&) {
    set_simulation_framework(&framework());
  }

  void log_assert(const doctest::AssertData& a) override {
    if (a.m_failed) ++framework().failed;
  }
  void test_case_start(const doctest::TestCaseData& t) override { framework().test = t.m_name; }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  struct counts final : simulation_framework {
    std::uint64_t failures() const override { return failed; }
    // A character that a shell or doctest would not take literally becomes the wildcard of one.
    std::string arguments() const override {
      std::string filter = test;
      for (char& c : filter) {
        if (c == ',' || c == '\'' || c == '\\') c = '?';
      }
      return "--test-case='" + filter + "'";
    }
    void silence(bool on) override {
      if (on) {
        printed = std::cout.rdbuf(nullptr);
      } else {
        std::cout.rdbuf(printed);
      }
    }

    std::uint64_t failed = 0;
    std::string test;
    std::streambuf* printed = nullptr;
  };

  static counts& framework() {
    static counts only;
    return only;
  }
};

// Nobody's to use.
inline const int doctest_simulation_registered =
    doctest::registerReporter<doctest_simulation_listener>("coppice", 1, false);

}  // namespace coppice
