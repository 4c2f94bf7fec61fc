/* The leader/follower hand-off of src/rpc: turnstile.h, connection_wait.cpp, Connection::drain().
 *
 * One or two threads wait for an answer each, and another only serves. The peer answers in any
 * order, sends requests, and ends the connection in an orderly way or in the middle. On top of that
 * comes one of five scenarios; all at once is more than can be searched:
 *   NESTING    one caller; serving the first of two requests makes a call of its own
 *   DEADLINES  two callers; their deadlines may pass at any time
 *   SIGNALS    two callers; two signals come at any time, to whoever waits
 *   AFFINITY   two callers; a request that the peer makes on behalf of call 0, which another thread
 *              may give up at any time
 *   DRAINING   one caller, and a thread that waits for room to send and reads while nobody else
 *              does; its write may also fail
 *
 * Checked: nobody leads => nobody is queued; the inbox is read by the leader only; requests start
 * in order, and each starts; a call completes exactly once; every thread leaves (an invalid end state is a lost
 * wake-up, because the peer ends an orderly connection only when the callers are gone); in the end
 * nobody leads.
 *
 * What runs under the connection's lock is atomic here; everything between may interleave.
 *
 * pan: -m200000
 * Each mutant takes one rule away, and must be found out:
 * mutant: PROMOTED_LEAVES_WITHOUT_ABDICATING
 * mutant: BEGIN_PROMOTES_NOBODY
 * mutant: TOKEN_ONLY_FOR_SLEEPERS
 * mutant: DRAIN_LEADS_WHILE_IT_WAITS
 * mutant: RELEASED_STAYS_QUEUED
 * mutant: LEAVES_WITH_WHAT_IT_WAS_GIVEN
 */

#define NONE 255
#define THREADS 3          /* threads 0 and 1 call, with the calls 0 and 1; thread 2 serves */
#define NESTED 2           /* the call made while serving the first request */
#define CALLS 3
#define SEATS 7            /* thread t has seat t, and seat t + 3 in its nested call; 6 drains */
#define DRAINS 6
#define REQUEST 10         /* frames: 0..2 answer that call; 10 and 11 are requests */
/* With two callers. A search with fairness is about eight times as large as one without. */
#ifdef LIVENESS
#define REQUESTS 0
#else
#define REQUESTS 1
#endif
#define LEAVERS 3          /* two callers, or one and what drains; and what serves */

mtype = { LOOK, FOLLOW, LEAD, READ, SERVE, CALL, TAKE, LEAVE, GONE };
mtype = { ORDERLY, CUT, WRITE_FAILS };
mtype = { NESTING, DEADLINES, SIGNALS, AFFINITY, DRAINING };

/* The turnstile, under the lock. */
byte leader = NONE;
chan queue = [SEATS] of { byte };
bool token[SEATS];
bool asleep[SEATS];
byte given[SEATS] = NONE;  /* a request that came with the lead */
byte opened = NONE;        /* a request that was given back: it comes before the inbox */
bool released[SEATS];      /* nobody touches the seat any more: it leaves without the lock */

/* The calls, under the lock. */
bool registered[CALLS];
byte completed[CALLS];     /* how often */
byte waiter[CALLS] = NONE; /* the seat that waits for it */
bool dead;

/* The stream, and what was read of it. */
chan wire = [5] of { byte };
chan inbox = [5] of { byte };
bool sent[CALLS];
bool end_of_stream;
bool room;

mtype scenario;
mtype ending = ORDERLY;
byte last_request = REQUEST;
byte reader = NONE;        /* who is using the inbox */
byte next_request = REQUEST;
byte callers;              /* that have not left yet */
byte gone;
byte signals;

#define REQUEST_IS_NEXT (opened != NONE || inbox ? [10] || inbox ? [11])
#define NOTHING_IS_NEXT (opened == NONE && len(inbox) == 0)
#define BELONGS_TO_CALL_0 (scenario == AFFINITY && frame == REQUEST)
#define DONE(call) (call != NONE && completed[call] > 0)

inline check_turnstile() { assert(leader != NONE || empty(queue)) }

inline wake(seat) {
#ifdef TOKEN_ONLY_FOR_SLEEPERS
  if
  :: asleep[seat] -> token[seat] = true
  :: else
  fi
#else
  token[seat] = true
#endif
}

inline abdicate() {
  leader = NONE;
  if
  :: nempty(queue) -> queue ? leader; token[leader] = true
  :: empty(queue)
  fi;
  check_turnstile()
}

inline finish(number) {
  assert(completed[number] == 0);
  registered[number] = false;
  completed[number]++;
  if
  :: waiter[number] != NONE && leader != waiter[number] ->
#ifndef RELEASED_STAYS_QUEUED
    if
    :: queue ?? [eval(waiter[number])] -> queue ?? eval(waiter[number])
    :: else
    fi;
#endif
    wake(waiter[number]);
    released[waiter[number]] = true
  :: else
  fi;
  waiter[number] = NONE
}

/* Whoever finds the connection broken, or breaks it. */
inline fail_connection() {
  atomic {
    if
    :: dead
    :: else ->
      dead = true;
      i = 0;
      do
      :: i < CALLS ->
        if
        :: registered[i] -> finish(i)
        :: else
        fi;
        i++
      :: else -> break
      od;
      i = len(queue);
      do
      :: i > 0 -> queue ? other; token[other] = true; queue ! other; i--
      :: i == 0 -> break
      od;
      i = 0;
      other = 0
    fi
  }
}

/* One read takes one frame or all there are. */
inline read_wire() {
  wire ? frame;
  inbox ! frame;
  if
  :: true
  :: true ->
    do
    :: nempty(wire) -> wire ? frame; inbox ! frame
    :: empty(wire) -> break
    od
  fi;
  frame = 0
}

/* What the leader does with the next frame. The inbox is its own, so only completing is seen. */
inline handle_frame() {
  if
  :: BELONGS_TO_CALL_0 && waiter[0] != NONE && waiter[0] != seat && queue ?? [eval(waiter[0])] ->
    /* Turnstile::hand_over() */
    leader = waiter[0];
    queue ?? eval(waiter[0]);
    given[leader] = frame;
    token[leader] = true;
    frame = 0;
    next = LOOK
  :: frame >= REQUEST &&
     !(BELONGS_TO_CALL_0 && waiter[0] != NONE && waiter[0] != seat && queue ?? [eval(waiter[0])]) ->
    next = SERVE
  :: frame < REQUEST ->
    if
    :: registered[frame] -> finish(frame)
    :: else                  /* given up before: its answer is dropped */
    fi;
    frame = 0
  fi
}

proctype Thread(byte id; byte own) {
  mtype next = LOOK;
  byte call = own;
  byte seat = id;
  byte frame;
  byte i;
  byte other;
  bool limited;            /* its deadline may pass */
  bool woken;
  bool taking;             /* leads inside WorkQueue::take(): reads nothing */

  if
  :: own != NONE ->
    atomic { registered[own] = !dead; waiter[own] = seat; sent[own] = true }
    if
    :: scenario == DEADLINES -> limited = true
    :: true
    fi
  :: else
  fi;

  do
  :: next == LOOK ->
    atomic {
      taking = false;
      if
      :: DONE(call) || dead -> next = LEAVE
      :: else ->
        if
        :: leader == NONE || leader == seat -> leader = seat; next = LEAD
        :: else -> queue ! seat; next = FOLLOW
        fi
      fi
    }

  :: next == FOLLOW ->
#ifdef TOKEN_ONLY_FOR_SLEEPERS
    asleep[seat] = true;
#endif
    if
    :: atomic { token[seat] -> token[seat] = false; asleep[seat] = false; woken = true }
    :: atomic { limited -> asleep[seat] = false; woken = false }
    :: atomic { signals > 0 -> signals--; asleep[seat] = false; woken = true }
    fi;
    if
    :: released[seat] -> next = GONE
    :: else ->
      atomic {
        if
        :: queue ?? [eval(seat)] -> queue ?? eval(seat)
        :: !(queue ?? [eval(seat)])
        fi;
        check_turnstile();
        if
#ifdef PROMOTED_LEAVES_WITHOUT_ABDICATING
        :: !woken -> next = LEAVE
        :: else -> next = LOOK
#else
        :: leader == seat || woken || DONE(call) -> next = LOOK
        :: else -> next = LEAVE
#endif
        fi;
        woken = false
      }
    fi

  :: atomic {
      next == LEAD ->
      assert(leader == seat && reader == NONE);
      if
      :: given[seat] != NONE -> frame = given[seat]; given[seat] = NONE; next = SERVE
      :: given[seat] == NONE && DONE(call) && (NOTHING_IS_NEXT || REQUEST_IS_NEXT) ->
        /* Answers to others were handed out; a request is the next leader's. */
        next = LOOK;
        if
        :: taking -> abdicate()
        :: else
        fi
      :: given[seat] == NONE && !NOTHING_IS_NEXT && !(DONE(call) && REQUEST_IS_NEXT) ->
        if
        :: opened != NONE -> frame = opened; opened = NONE
        :: else -> inbox ? frame
        fi;
        handle_frame()
      :: given[seat] == NONE && NOTHING_IS_NEXT && !DONE(call) ->
        if
        :: taking -> abdicate(); next = LOOK
        :: else -> reader = seat; next = READ
        fi
      fi
    }

  :: next == READ ->
    if
    :: atomic { nempty(wire) -> read_wire(); reader = NONE; next = LEAD }
    :: atomic { empty(wire) && (end_of_stream || dead) -> reader = NONE; fail_connection(); next = LOOK }
    :: atomic { limited -> reader = NONE; next = LEAVE }
    :: atomic { signals > 0 -> signals--; reader = NONE; abdicate(); next = LOOK }
    fi

  :: atomic {
      next == SERVE ->
      assert(frame == next_request);
      next_request++;
      /* WorkQueue::begin() */
#ifdef BEGIN_PROMOTES_NOBODY
      leader = NONE; check_turnstile();
#else
      abdicate();
#endif
      if
      :: scenario == NESTING && frame == REQUEST -> frame = 0; next = CALL
      :: else -> frame = 0; next = TAKE
      fi
    }

  :: atomic {
      next == CALL ->
      seat = id + THREADS;
      call = NESTED;
      registered[NESTED] = !dead;
      waiter[NESTED] = seat;
      sent[NESTED] = true;
      next = LOOK
    }

  :: next == TAKE ->
    atomic {
      if
      :: DONE(call) || dead || (leader != NONE && leader != seat) -> next = LOOK
      :: else -> leader = seat; taking = true; next = LEAD
      fi
    }

  :: next == LEAVE ->
    atomic {
      if
      :: given[seat] != NONE ->
#ifndef LEAVES_WITH_WHAT_IT_WAS_GIVEN
        assert(opened == NONE);
        opened = given[seat];
#endif
        given[seat] = NONE
      :: else
      fi;
      if
      :: call != NONE -> waiter[call] = NONE
      :: else
      fi;
      if
#ifdef PROMOTED_LEAVES_WITHOUT_ABDICATING
      :: leader == seat && DONE(call) -> abdicate()
#else
      :: leader == seat -> abdicate()
#endif
      :: else
      fi
    }
    next = GONE

  :: next == GONE ->
    woken = false;
    if
    :: seat != id -> atomic { seat = id; call = own; next = TAKE }
    :: else -> break
    fi
  od;

  atomic {
    if
    :: own != NONE ->
      callers--;
      registered[own] = false;  /* forget() */
      assert(completed[own] <= 1)
    :: else
    fi;
    gone++
  }
}

/* Connection::drain(): waits for room, and reads while nobody else does, serving nothing. */
proctype Drain() {
  bool read_too;
  byte frame;
  byte i;
  byte other;

  do
  :: dead || room -> break
  :: else ->
    atomic {
      read_too = (leader == NONE);
#ifdef DRAIN_LEADS_WHILE_IT_WAITS
      if
      :: read_too -> leader = DRAINS
      :: else
      fi
#endif
    }
    if
    :: room || dead
    :: !read_too               /* looks again after a while */
    :: ending == WRITE_FAILS -> fail_connection()
    :: read_too && (nempty(wire) || end_of_stream) ->
      atomic {
#ifndef DRAIN_LEADS_WHILE_IT_WAITS
        if
        :: leader == NONE -> leader = DRAINS
        :: else
        fi;
#endif
        if
        :: leader == DRAINS -> assert(reader == NONE); reader = DRAINS
        :: else
        fi
      }
      if
      :: reader == DRAINS ->
        if
        :: atomic { nempty(wire) -> read_wire() }
        :: atomic { empty(wire) && end_of_stream -> fail_connection() }
        :: empty(wire) && !end_of_stream  /* another leader was faster */
        fi;
        reader = NONE
      :: else
      fi
    fi;
    atomic {
      read_too = false;
      if
      :: leader == DRAINS -> abdicate()
      :: else
      fi
    }
  od;
  gone++
}

/* Connection::check_expiry() for call 0, by a thread that does not wait. */
proctype GiveUp() {
  byte i;
  byte other;
  atomic {
    if
    :: registered[0] -> finish(0)
    :: true
    fi
  }
}

proctype Peer() {
  byte requests = REQUEST;
  bool answered[CALLS];

  do
  :: atomic { sent[0] && !answered[0] -> answered[0] = true; wire ! 0 }
  :: atomic { sent[1] && !answered[1] -> answered[1] = true; wire ! 1 }
  :: atomic { sent[2] && !answered[2] -> answered[2] = true; wire ! 2 }
  :: atomic { requests < last_request -> wire ! requests; requests++ }
  :: ending != ORDERLY -> break
  :: callers == 0 && next_request == last_request &&
     (scenario != NESTING || completed[NESTED] > 0) -> break
  od;
  room = (ending == ORDERLY);
  end_of_stream = true
}

init {
  atomic {
    if
    :: ending = ORDERLY
    :: ending = CUT
    fi;
    if
    :: scenario = NESTING; callers = 1; last_request = REQUEST + 2; gone = 1
    :: scenario = DEADLINES; callers = 2; last_request = REQUEST + REQUESTS
    :: scenario = SIGNALS; callers = 2; last_request = REQUEST + REQUESTS; signals = 2
#ifndef LIVENESS
    :: scenario = AFFINITY; callers = 2; last_request = REQUEST + 1
#endif
    :: scenario = DRAINING; callers = 1; last_request = REQUEST + 1;
      if
      :: ending = WRITE_FAILS
      :: true
      fi
    fi;
    run Thread(0, 0);
    if
    :: callers == 2 -> run Thread(1, 1)
    :: scenario == DRAINING -> run Drain()
    :: else
    fi;
    if
    :: scenario == AFFINITY -> run GiveUp()
    :: else
    fi;
    run Thread(2, NONE);
    run Peer()
  }
  gone == LEAVERS;
  assert(leader == NONE && empty(queue))
}

ltl everybody_leaves { <> (gone == LEAVERS) }
