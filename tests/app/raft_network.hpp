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

  // From server 2, with so many entries of its term behind `previous`.
  void hear(raft_term term, raft_index previous, raft_term previous_term, unsigned count = 0) {
    raft_message message{};
    message.type = RAFT_IO_APPEND_ENTRIES;
    message.server_id = 2;
    message.server_address = "2";
    message.append_entries = {term, previous, previous_term, 0, nullptr, count};
    if (count > 0) {
      auto* entries = static_cast<raft_entry*>(raft_calloc(count, sizeof(raft_entry)));
      void* batch = raft_calloc(count, 8);
      for (unsigned n = 0; n < count; ++n) {
        entries[n] = {term, RAFT_COMMAND, {static_cast<char*>(batch) + 8 * n, 8}, batch};
      }
      message.append_entries.entries = entries;
    }
    receive(&io, &message);
  }
};

}  // namespace walkit::raft
