#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "descriptors.hpp"
#include "ipc/error.hpp"
#include "ipc/pipe.hpp"
#include "scratch.hpp"
#include "source.hpp"
#include "tap.hpp"

namespace {

using State = Source::State;
using Words = std::vector<std::string>;

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += '[' + word + ']';
  return text;
}

/// All records, their fields in brackets, a bar between records.
std::string all_of(Source& source, std::size_t most = 1000) {
  std::string text;
  Record record;
  for (std::size_t i = 0; i < most; ++i) {
    const State state = source.next(record);
    if (state == State::pending) return text + "...";
    if (state == State::end) return text;
    text += joined(record.fields) + (record.too_long ? "!" : "") + '|';
  }
  return text + "and more";
}

/// stdin is a pipe whose other end is `feed`.
struct Stdin {
  ipc::Pipe pipe = ipc::Pipe::create();
  Redirect redirect{0, pipe.read_end.get()};
  ipc::Fd feed = std::move(pipe.write_end);

  Stdin() { pipe.read_end.reset(); }
  void give(std::string_view text) const { check_equal(ipc::write_all(feed.get(), text), 0); }
};

bool readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

}  // namespace

TEST("records of files, one after the other; each last one counts") {
  const Scratch scratch;
  StreamSource source(
      {scratch.file("a", "1\n\n2"), scratch.file("empty"), scratch.file("b", "3\n"), scratch.file("c", "\n")},
      '\n');
  check_equal(all_of(source), "[1]|[]|[2]|[3]|[]|");
  Record record;
  check(source.next(record) == State::end, "and the end stays");
  check(!source.total());
}

TEST("any delimiter") {
  const Scratch scratch;
  const std::string path = scratch.file("a", std::string("a\nb\0c,\0", 7));
  StreamSource nul({path}, '\0');
  check_equal(all_of(nul), "[a\nb]|[c,]|");
  StreamSource comma({path}, ',');
  check_equal(all_of(comma), "[" + std::string("a\nb\0c", 5) + "]|[" + std::string(1, '\0') + "]|");
}

TEST("stdin, by name and by default") {
  for (const Words& files : {Words{}, Words{"-"}}) {
    Stdin in;
    in.give("x\ny\n");
    in.feed.reset();
    StreamSource source(files, '\n');
    check_equal(all_of(source), "[x]|[y]|");
  }
}

TEST("a record is pending until its delimiter comes, and nothing waits") {
  Stdin in;
  StreamSource source({}, '\n');
  Record record;
  check(source.next(record) == State::pending);
  in.give("on");
  check(source.next(record) == State::pending);
  check(!readable(source.descriptor()), "what was there has been read");
  in.give("e\ntwo\nthr");
  check(readable(source.descriptor()));
  check(source.next(record) == State::record);
  check_equal(joined(record.fields), "[one]");
  check(source.next(record) == State::record);
  check_equal(joined(record.fields), "[two]");
  check(source.next(record) == State::pending);
  in.feed.reset();
  check(source.next(record) == State::record);
  check_equal(joined(record.fields), "[thr]");
  check(source.next(record) == State::end);
}

TEST("it reads one buffer at a time, and only when it has no record") {
  Stdin in;
  ::fcntl(0, F_SETPIPE_SZ, 1 << 20);
  std::string text;
  for (int i = 0; text.size() < 500'000; ++i) text += std::to_string(i) + '\n';
  in.give(text);
  StreamSource source({}, '\n');
  Record record;
  const auto left = [] {
    int bytes = 0;
    ::ioctl(0, FIONREAD, &bytes);
    return static_cast<std::size_t>(bytes);
  };
  check_equal(left(), text.size(), "nothing is read beforehand");
  check(source.next(record) == State::record);
  const std::size_t after_first = left();
  check(after_first >= text.size() - 65536, "a buffer at most");
  for (int i = 1; i < 1000; ++i) require(source.next(record) == State::record);
  check_equal(left(), after_first, "the next ones come from that buffer");
}

TEST("a descriptor that does not wait by itself is only pending") {
  Stdin in;
  ::fcntl(0, F_SETFL, O_NONBLOCK);
  StreamSource source({}, '\n');
  Record record;
  check(source.next(record) == State::pending);
}

TEST("a record too long is told as such, the next one is whole") {
  const Scratch scratch;
  const std::string fits(StreamSource::kLongest, 'x');
  StreamSource source({scratch.file("a", fits + "\n" + fits + "y\nend\n")}, '\n');
  Record record;
  check(source.next(record) == State::record);
  check(!record.too_long && record.fields.front() == fits);
  check(source.next(record) == State::record);
  check(record.too_long);
  check(source.next(record) == State::record);
  check(!record.too_long);
  check_equal(joined(record.fields), "[end]");
}

TEST("all files are opened before a record is read; one that cannot be is told by name") {
  const Scratch scratch;
  const std::string good = scratch.file("good", "x\n");
  const std::string missing = scratch / "missing";
  check_equal(check_throws<ipc::Error>([&] {
                StreamSource({good, missing}, '\n');
              }),
              missing + ": No such file or directory");
  check_equal(check_throws<ipc::Error>([&] { StreamSource({scratch.path()}, '\n'); }),
              scratch.path() + ": Is a directory");
  StreamSource source({good}, '\n');
  std::filesystem::remove(good);
  check_equal(all_of(source), "[x]|");
}

TEST("an input that cannot be read from is refused before anything is read") {
  const Scratch scratch;
  const ipc::Fd file = ipc::open_file(scratch.file("file"), O_WRONLY);
  const Redirect redirect(0, file.get());
  check_equal(check_throws<ipc::Error>([] { StreamSource({}, '\n'); }), "stdin: Bad file descriptor");
}

TEST("much input without a record is read in turns") {
  const ipc::Fd zero = ipc::open_file("/dev/zero", O_RDONLY);
  const Redirect redirect(0, zero.get());
  StreamSource source({}, '\n');
  Record record;
  for (int i = 0; i < 100; ++i) check(source.next(record) == Source::State::busy);
}

TEST("values of one group") {
  ValueSource source({{"a", "b c", ""}});
  check(source.total() == 3U);
  check_equal(source.descriptor(), -1);
  check_equal(all_of(source), "[a]|[b c]|[]|");
}

TEST("several groups give their product, the last varying fastest") {
  ValueSource source({{"a", "b"}, {"1"}, {"x", "y", "z"}});
  check(source.total() == 6U);
  check_equal(all_of(source), "[a][1][x]|[a][1][y]|[a][1][z]|[b][1][x]|[b][1][y]|[b][1][z]|");
  Record record;
  check(source.next(record) == State::end);
}

TEST("with an empty group there is nothing") {
  for (const auto& groups : std::vector<std::vector<Words>>{{{}}, {{"a"}, {}}, {{}, {"a"}}}) {
    ValueSource source(groups);
    check(source.total() == 0U);
    check_equal(all_of(source), "");
  }
}

TEST("a product that no memory could hold starts at once") {
  const Words many(1000, "v");
  ValueSource source({many, many, many, many});
  check(source.total() == 1'000'000'000'000U);
  check_equal(all_of(source, 2), "[v][v][v][v]|[v][v][v][v]|and more");
  const std::vector<Words> ten(10, Words(100, "v"));
  ValueSource too_many(ten);
  check(!too_many.total(), "10^20 is more than 64 bits");
  Record record;
  check(too_many.next(record) == State::record);
  ValueSource none([&] {
    auto groups = ten;
    groups.push_back({});
    return groups;
  }());
  check_equal(all_of(none), "");
}

TEST("make_source takes what the configuration asks for") {
  const Scratch scratch;
  Config config;
  config.groups = {{"a"}, {"b"}};
  check_equal(all_of(*make_source(config)), "[a][b]|");
  config.groups.clear();
  config.files = {scratch.file("f", "1,2")};
  config.delimiter = ",";
  check_equal(all_of(*make_source(config)), "[1]|[2]|");
}
