#include "support/sqlite_office.hpp"

#include <coppice/sqlite_stash.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using boost::system::error_code;
using coppice::server_ref;
namespace fs = std::filesystem;
namespace sys_errc = boost::system::errc;

// What others do with the files of a stash while it is in use.

namespace {

fs::path log_of(const fs::path& file) { return file.string() + "-wal"; }
fs::path index_of(const fs::path& file) { return file.string() + "-shm"; }

void replace(const fs::path& file) {
  const fs::path other = file.string() + ".new";
  fs::copy_file(file, other);
  fs::rename(other, file);
}

// A stash in a folder of its own, in which something is kept.
struct shelf : office {
  shelf() : shelf{std::make_unique<temporary_folder>()} {}
  explicit shelf(std::unique_ptr<temporary_folder> f)
      : office{f->path / "folder" / "states"}, folder{std::move(f)} {
    fs::create_directory(file.parent_path());
  }

  // The end of the stash, after a put that was not acknowledged.
  std::string end_of_stash() {
    const ending end{coppice::process_ref{io, "stash"}.whereis()};
    heard = put("number", 2);
    until([&end] { return end.reason().has_value(); });
    return end.text();
  }
  [[nodiscard]] std::string cannot_go_on(const fs::path& culprit, const std::string& why) const {
    return "coppice: the stash in \"" + file.string() + "\" cannot go on: \"" + culprit.string() +
           "\" " + why + " while it is in use";
  }

  error_code heard;
  std::unique_ptr<temporary_folder> folder;
};

}  // namespace

TEST_CASE("a put is not acknowledged when the file of the stash is not the one that was opened") {
  shelf w;
  w.start();
  w.put("number", 1);
  fs::path culprit = w.file;
  std::string why = "cannot be found any more (No such file or directory)";
  SUBCASE("removed") { fs::remove(w.file); }
  SUBCASE("renamed") { fs::rename(w.file, w.file.string() + ".old"); }
  SUBCASE("its folder moved") { fs::rename(w.file.parent_path(), w.folder->path / "elsewhere"); }
  SUBCASE("replaced") {
    replace(w.file);
    why = "has been replaced";
  }
  SUBCASE("its log removed") { fs::remove(culprit = log_of(w.file)); }
  SUBCASE("its log replaced") {
    replace(culprit = log_of(w.file));
    why = "has been replaced";
  }
  SUBCASE("the index of its log removed") { fs::remove(culprit = index_of(w.file)); }
  SUBCASE("the index of its log replaced") {
    replace(culprit = index_of(w.file));
    why = "has been replaced";
  }
  CHECK(w.end_of_stash().find(w.cannot_go_on(culprit, why)) != std::string::npos);
  CHECK(w.heard.category() == coppice::sqlite_category());
  CHECK(w.heard == sys_errc::make_error_condition(sys_errc::no_such_file_or_directory));
  CHECK(w.heard.message() == "the file is not the one any more that was opened");
}

TEST_CASE("a put is not acknowledged when a file of the stash has been cut off") {
  shelf w;
  w.start();
  for (int i = 0; i < 100; ++i) w.put(std::to_string(i), std::string(1000, 'x'));
  fs::path culprit = w.file;
  SUBCASE("all of the database") {
    stranger{w.file}.run("PRAGMA wal_checkpoint(TRUNCATE)");
    w.put("number", 1);
    fs::resize_file(w.file, 0);
  }
  SUBCASE("half of the database") {
    stranger{w.file}.run("PRAGMA wal_checkpoint(TRUNCATE)");
    w.put("number", 1);
    fs::resize_file(w.file, fs::file_size(w.file) / 2);
  }
  SUBCASE("all of its log") { fs::resize_file(culprit = log_of(w.file), 0); }
  SUBCASE("the last byte of its log") {
    culprit = log_of(w.file);
    fs::resize_file(culprit, fs::file_size(culprit) - 1);
  }
  SUBCASE("the index of its log") { fs::resize_file(culprit = index_of(w.file), 0); }
  CHECK(w.end_of_stash().find(w.cannot_go_on(culprit, "has been cut off")) != std::string::npos);
  CHECK(w.heard.category() == coppice::sqlite_category());
}

TEST_CASE("none of the puts that are under way when the file is removed is acknowledged") {
  shelf w;
  w.start();
  w.put("number", 1);
  fs::remove(w.file);
  const ending end{coppice::process_ref{w.io, "stash"}.whereis()};
  std::vector<error_code> heard;
  for (int i = 0; i < 1000; ++i) {
    w.ref<int>().put("number", i)([&heard](error_code ec) { heard.push_back(ec); });
  }
  w.until([&] { return heard.size() == 1000 && end.reason().has_value(); });
  for (const error_code ec : heard) CHECK(ec);
}

TEST_CASE("a stash that is restarted makes no new file in place of the one that it had") {
  shelf w;
  w.start({numbers()});
  w.ask(number::save{});
  SUBCASE("removed") {
    fs::remove(w.file);
    w.end_of_stash();
    w.until([&w] { return w.reported("cannot be opened: unable to open database file"); });
    CHECK_FALSE(fs::exists(w.file));
  }
  SUBCASE("replaced by an empty one") {
    std::ofstream{w.file.string() + ".new"};
    fs::rename(w.file.string() + ".new", w.file);
    w.end_of_stash();
    w.until([&w] { return w.reported("cannot be opened: there are no states in it any more"); });
  }
  SUBCASE("removed before a restart for another reason") {
    fs::remove(w.file);
    w.kill("stash");
    w.until([&w] { return w.reported("cannot be opened: unable to open database file"); });
  }
  CHECK_FALSE(coppice::process_ref{w.io, "number"}.whereis());
}

TEST_CASE("what was acknowledged is there after a restart when the log has been removed") {
  shelf w;
  w.start({numbers()});
  CHECK(w.ask(number::save{}) == "101");
  SUBCASE("the log") { fs::remove(log_of(w.file)); }
  SUBCASE("its index") { fs::remove(index_of(w.file)); }
  SUBCASE("both") {
    fs::remove(log_of(w.file));
    fs::remove(index_of(w.file));
  }
  const ending server_end{coppice::process_ref{w.io, "number"}.whereis()};
  const ending end{coppice::process_ref{w.io, "stash"}.whereis()};
  CHECK(w.put("other", 1));
  w.until([&] { return end.reason() && server_end.reason(); });
  w.until_up("number");
  CHECK(w.ask(number::next{}) == "101");
}

TEST_CASE("a stash whose file has been replaced goes on with the new one") {
  shelf w;
  w.start();
  w.put("number", 1);
  stranger{w.file}.run("VACUUM INTO '" + w.file.string() + ".backup'");
  w.put("number", 2);
  fs::rename(w.file.string() + ".backup", w.file);
  w.end_of_stash();
  w.until_up("stash");
  CHECK(w.get<int>("number") == 1);
  CHECK(w.reported("has been replaced while it is in use"));
}

TEST_CASE("others may tidy up the file of a stash while it is in use") {
  shelf w;
  w.start();
  const coppice::pid stash = coppice::process_ref{w.io, "stash"}.whereis();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) w.put(std::to_string(i), std::string(5000, 'x'));
    for (int i = 1; i < 100; ++i) w.erase(std::to_string(i));
    {
      stranger s{w.file};
      s.run("VACUUM");
      CHECK(w.put("number", round) == error_code{});
      s.run("PRAGMA wal_checkpoint(TRUNCATE)");
      CHECK(w.put("number", round) == error_code{});
      s.run("PRAGMA wal_checkpoint(RESTART)");
    }
    CHECK(w.put("number", round) == error_code{});
    CHECK(w.get<int>("number") == round);
  }
  CHECK(coppice::process_ref{w.io, "stash"}.whereis() == stash);
}

TEST_CASE("a file that is found through a link is watched under both names") {
  shelf w;
  const fs::path link = w.folder->path / "link";
  const fs::path target = w.file;
  fs::create_symlink(target, link);
  w.file = link;
  w.start();
  w.put("number", 1);
  fs::path culprit = link;
  SUBCASE("the link leads elsewhere") {
    fs::copy_file(target, w.folder->path / "other");
    fs::remove(link);
    fs::create_symlink(w.folder->path / "other", link);
    CHECK(w.end_of_stash().find(w.cannot_go_on(link, "has been replaced")) != std::string::npos);
  }
  SUBCASE("the log beside the file is removed") {
    fs::remove(log_of(target));
    CHECK(w.end_of_stash().find("states-wal\" cannot be found any more") != std::string::npos);
  }
}
