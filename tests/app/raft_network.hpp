#pragma once

#include <vector>

extern "C" {
#include <raft.h>
}

namespace walkit::raft {

/// A network that keeps what is sent, and hands over what a test says.
struct Network {
  raft_io io{};
  raft_io_recv_cb receive = nullptr;
  raft_io_tick_cb tick = nullptr;
  raft_time now = 0;
  std::vector<raft_append_entries_result> sent{};

  Network() {
    io.impl = this;
    io.init = [](auto*, raft_id, const char*) { return 0; };
    io.start = [](raft_io* r, unsigned, raft_io_tick_cb ticks, raft_io_recv_cb to) {
      static_cast<Network*>(r->impl)->tick = ticks;
      static_cast<Network*>(r->impl)->receive = to;
      return 0;
    };
    io.close = [](raft_io* r, raft_io_close_cb closed) { closed(r); };
    io.time = [](raft_io* r) { return static_cast<Network*>(r->impl)->now; };
    io.random = [](raft_io*, int low, int) { return low; };
    io.send = [](raft_io* r, raft_io_send* request, const raft_message* message,
                 raft_io_send_cb cb) {
      if (message->type == RAFT_IO_APPEND_ENTRIES_RESULT) {
        static_cast<Network*>(r->impl)->sent.push_back(message->append_entries_result);
      }
      cb(request, 0);
      return 0;
    };
  }
};

}  // namespace walkit::raft
