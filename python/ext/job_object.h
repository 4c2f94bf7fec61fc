#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "dispatcher_object.h"
#include "peer.h"

namespace sinew::python {

// What job.cpp, job_type.cpp, hand_over.cpp and adopting.cpp share: the object, and the steps of
// its life. All with the GIL held.

/// Waiting to be run; being served; its coroutine is awaited; answered.
enum class JobStage : std::uint8_t { kWaiting, kRunning, kAwaiting, kDone };

/// The field that Python's member table names by its offset.
struct JobHead {
  PyObject ob_base;
  PyObject* on_cancel;  ///< owned reference: stops the coroutine; null: there is none
};

struct JobObject : JobHead {
  ConnectionObject* connection;  ///< owned reference
  DispatcherObject* dispatcher;  ///< owned reference
  rpc::Incoming request;
  TimePoint arrived;
  Deadline patrol;  ///< when somebody is to look whether it was started, or is done
  JobStage stage;
  std::vector<object::IdKey> kept;  ///< what the request names, which is not to be gone before
  bool counted;                     ///< among the jobs that the end of the connection waits for
  bool is_farewell;                 ///< after which nothing is answered
  bool stop_wanted;                 ///< the coroutine is to be stopped as soon as it can be
};

inline JobObject* job_of(PyObject* object) noexcept { return reinterpret_cast<JobObject*>(object); }
inline PyObject* object_of(JobObject* self) noexcept { return reinterpret_cast<PyObject*>(self); }
inline Peer& peer_of(JobObject* self) noexcept { return *self->connection->peer; }

/// Jobs that wait to be run or for their coroutines, those of a peer in the order of its requests:
/// by the peer's serial and the request's number.
using JobKey = std::pair<std::uint64_t, std::int64_t>;
using JobTable = std::multimap<JobKey, JobObject*>;
JobTable& jobs() noexcept;
void enter(JobObject* self);

/// A job of the request, in the table and waiting. Empty with an exception set.
PyRef make_job(Peer& peer, rpc::Incoming request);

/// Has somebody look at the job `when`, in the place of any time said before.
void look_at(JobObject* self, Deadline when) noexcept;

/// Keeps the objects of ours that the request names until the job is done: the peer may release
/// them as soon as it has sent the request.
void keep_exports(JobObject* self);

/// Serves the request here. False with an exception set that is to leave.
bool run(JobObject* self) noexcept;

/// Has a job that was not started be answered with the exception that is set.
void refuse(JobObject* self) noexcept;

/// The coroutine is over. False if that is known already.
bool end_await(JobObject* self) noexcept;

/// Answers with the exception that is set, whatever it is.
void answer_failure(JobObject* self) noexcept;

/// The last step of every job. May run anything.
void finish(JobObject* self) noexcept;

inline double seconds_since(TimePoint then) noexcept {
  return std::chrono::duration<double>(Clock::system().now() - then).count();
}

}  // namespace sinew::python
