#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace walkit {

/// Gives the calls (SYS_...) of this thread the seccomp `action` for good; only in a child.
inline int filter_calls(std::initializer_list<long> calls, unsigned action, unsigned flags) {
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = filter.data()};
  EXPECT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  const auto answer = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  EXPECT_GE(answer, 0) << "no seccomp filter: errno " << errno;
  return static_cast<int>(answer);
}

/// From now on the calls do nothing but fail.
inline void break_calls(std::initializer_list<long> calls, int os_error) {
  filter_calls(calls, SECCOMP_RET_ERRNO | static_cast<unsigned>(os_error), 0);
}

/// From now on `judge` stands between this process and the kernel for these calls; it runs on a
/// thread of its own, one call at a time. It answers what the call returns, -errno for an error, or
/// nothing to let the kernel do it. Lives until the process ends.
class CallJudge {
 public:
  using Judge = std::function<std::optional<long>(const seccomp_data&)>;

  CallJudge(std::initializer_list<long> calls, Judge judge) {
    auto listener = std::make_shared<std::atomic<int>>(-1);
    // The thread starts before the filter stands, which would hold for it too.
    std::thread([listener, judge = std::move(judge)] {
      while (*listener < 0) std::this_thread::yield();
      while (answer_one(*listener, judge)) continue;
    }).detach();
    *listener = filter_calls(calls, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
  }

 private:
  static bool answer_one(int listener, const Judge& judge) {
    seccomp_notif asked{};
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return errno == EINTR;
    seccomp_notif_resp answer{.id = asked.id, .val = 0, .error = 0, .flags = 0};
    const std::optional<long> verdict = judge(asked.data);
    if (!verdict) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (verdict && *verdict < 0) answer.error = static_cast<int>(*verdict);
    if (verdict && *verdict >= 0) answer.val = *verdict;
    return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
  }
};

}  // namespace walkit
