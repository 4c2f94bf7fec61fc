// Shares work out to any number of Pythons: counts primes on all of them at once.
//
//     for port in $(seq 18813 18820); do sinew classic --port $port & done    # or stock's
//     rpyc_classic worker_pool 100000 tcp://localhost:18813 ... tcp://localhost:18820
//
// Each worker has a thread here, which takes the next piece when its worker has done the last one.
// A worker that cannot be reached, or dies, is left out; what it was doing is done by another.

#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sinew/sinew.hpp>

namespace {

struct Piece {
  int from;
  int to;
};

/// What is still to do, and what has come out.
///
/// threads: any.
class Job {
 public:
  Job(int limit, int size) {
    for (int from = 0; from < limit; from += size) {
      waiting_.push_back({from, std::min(from + size, limit)});
    }
    missing_ = waiting_.size();
  }

  std::optional<Piece> take() {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) return std::nullopt;
    const Piece piece = waiting_.front();
    waiting_.pop_front();
    return piece;
  }
  void give_back(Piece piece) {
    const std::scoped_lock lock(mutex_);
    waiting_.push_front(piece);
  }
  void done(int count) {
    const std::scoped_lock lock(mutex_);
    total_ += count;
    --missing_;
  }

  std::size_t missing() const {
    const std::scoped_lock lock(mutex_);
    return missing_;
  }
  long long total() const { return total_; }

 private:
  mutable std::mutex mutex_;
  std::deque<Piece> waiting_;
  std::size_t missing_ = 0;
  long long total_ = 0;
};

constexpr auto kProgram = R"(
def count_primes(start, stop):
    def is_prime(n):
        return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))
    return sum(map(is_prime, range(start, stop)))
)";

/// Works until nothing is left, or the worker is lost.
void drive(const std::string& uri, Job& job) {
  int pieces = 0;
  std::optional<Piece> piece;
  try {
    const auto conn = sinew::connect(uri);
    conn.execute(kProgram);
    const sinew::Object count_primes = conn.eval("count_primes");
    while ((piece = job.take())) {
      job.done(count_primes.invoke<int>(piece->from, piece->to));
      ++pieces;
    }
    std::printf("%s: %d pieces\n", uri.c_str(), pieces);
  } catch (const sinew::Error& error) {
    if (piece) job.give_back(*piece);
    std::printf("%s: lost after %d pieces: %s\n", uri.c_str(), pieces, error.what());
  }
}

/// With a thread for each worker; returns when all have ended.
void drive_all(const std::vector<std::string>& uris, Job& job) {
  std::vector<std::thread> threads;
  for (const std::string& uri : uris) threads.emplace_back([&uri, &job] { drive(uri, job); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: worker_pool LIMIT URI...\n");
    return 2;
  }
  const std::vector<std::string> uris(argv + 2, argv + argc);
  Job job(std::stoi(argv[1]), 1000);
  drive_all(uris, job);
  // What a worker gave back when the others had just ended.
  if (job.missing() > 0) drive_all(uris, job);
  if (job.missing() > 0) {
    std::fprintf(stderr, "worker_pool: no worker is left\n");
    return 1;
  }
  std::printf("%lld primes\n", job.total());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "worker_pool: %s\n", error.what());
  return 1;
}
