#include "log/recovery_table.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace walkit::log {
namespace {

using H = HeaderEvidence;
using W = WatermarkEvidence;
using S = TailShape;
using R = RemainderEvidence;
using V = TailVerdict;
using A = TailAction;

std::string text(const Evidence& e) {
  return "header " + std::to_string(int(e.header)) + " watermark " +
         std::to_string(int(e.watermark)) + " shape " + std::to_string(int(e.shape)) +
         " remainder " + std::to_string(int(e.remainder)) + " layout " +
         std::to_string(int(e.layout));
}

std::vector<Evidence> all_evidence() {
  std::vector<Evidence> all;
  for (const H header : {H::valid, H::unborn, H::damaged})
    for (const W watermark : {W::below, W::covers})
      for (const S shape : {S::zeros, S::explained, S::unexplained, S::unknown})
        for (const R remainder : {R::nothing, R::frames, R::clean_close})
          for (const Layout layout : {Layout::packed, Layout::whole_blocks})
            all.push_back({header, watermark, shape, remainder, layout});
  return all;
}

/// Over all evidence that fits: the decision is one of those that the law allows.
void expect_law(const std::function<bool(const Evidence&)>& fits,
                const std::function<bool(const Decision&)>& law) {
  std::size_t seen = 0;
  for (const Evidence& e : all_evidence()) {
    if (!fits(e)) continue;
    ++seen;
    EXPECT_TRUE(law(decide(e))) << text(e);
  }
  EXPECT_GT(seen, 0u);
}

bool reads(const Evidence& e) { return e.header == H::valid && e.shape != S::unknown; }
bool below(const Evidence& e) { return reads(e) && e.watermark == W::below; }
bool open_end(const Evidence& e) { return e.remainder != R::clean_close; }

TEST(RecoveryTable, ExactlyOneRowFitsAnyEvidence) {
  EXPECT_EQ(all_evidence().size(), 3u * 2 * 4 * 3 * 2);
  for (const Evidence& e : all_evidence()) {
    std::size_t rows = 0;
    for (const RecoveryRow& row : recovery_table()) {
      if (!row.matches(e)) continue;
      ++rows;
      EXPECT_EQ(decide(e), row.decision) << text(e);
    }
    EXPECT_EQ(rows, 1u) << text(e);
  }
}

TEST(RecoveryTable, EveryRowFitsSomeEvidence) {
  for (const RecoveryRow& row : recovery_table()) {
    std::size_t fits = 0;
    for (const Evidence& e : all_evidence()) fits += row.matches(e) ? 1 : 0;
    EXPECT_GT(fits, 0u);
  }
}

TEST(RecoveryTable, UnbornFileIsSetAsideWhateverElseIsSeen) {
  expect_law([](const Evidence& e) { return e.header == H::unborn; },
             [](const Decision& d) {
               return d == Decision{V::unborn, A::set_aside};
             });
}

TEST(RecoveryTable, DamagedHeaderIsRefused) {
  expect_law([](const Evidence& e) { return e.header == H::damaged; },
             [](const Decision& d) {
               return d == Decision{V::header_damaged, A::refuse};
             });
}

TEST(RecoveryTable, NewerFrameIsRefusedByName) {
  expect_law([](const Evidence& e) { return e.header == H::valid && e.shape == S::unknown; },
             [](const Decision& d) {
               return d == Decision{V::newer, A::refuse};
             });
}

TEST(RecoveryTable, CoveredHoleIsAlwaysLostAcknowledgedData) {
  expect_law([](const Evidence& e) { return reads(e) && e.watermark == W::covers; },
             [](const Decision& d) {
               return d == Decision{V::lost_acknowledged, A::refuse};
             });
}

// What a legal crash can leave: zeros or an explained tail, above every watermark.
TEST(RecoveryTable, LegalCrashIsNeverRefused) {
  expect_law(
      [](const Evidence& e) {
        return below(e) && (e.shape == S::zeros || (e.shape == S::explained && open_end(e)));
      },
      [](const Decision& d) { return d.action == A::go_on || d.action == A::new_segment; });
}

TEST(RecoveryTable, UnprovenFramesAreAlwaysWrittenAgain) {
  expect_law([](const Evidence& e) { return below(e) && e.remainder == R::frames; },
             [](const Decision& d) { return d.action == A::new_segment || d.action == A::refuse; });
}

TEST(RecoveryTable, WriterGoesOnOnlyBehindACleanEndWithNothingUnproven) {
  for (const Evidence& e : all_evidence()) {
    if (decide(e).action != A::go_on) continue;
    EXPECT_TRUE(below(e) && e.shape == S::zeros && e.remainder != R::frames) << text(e);
    EXPECT_EQ(decide(e).verdict, V::clean) << text(e);
  }
}

TEST(RecoveryTable, ExplainedTailIsTornInBothLayouts) {
  expect_law([](const Evidence& e) { return below(e) && e.shape == S::explained && open_end(e); },
             [](const Decision& d) {
               return d == Decision{V::torn, A::new_segment};
             });
}

TEST(RecoveryTable, UnexplainedTailIsSuspectWherePackedCannotTell) {
  expect_law(
      [](const Evidence& e) {
        return below(e) && e.shape == S::unexplained && open_end(e) && e.layout == Layout::packed;
      },
      [](const Decision& d) {
        return d == Decision{V::suspect, A::new_segment};
      });
}

TEST(RecoveryTable, UnexplainedTailIsDamageWhereWholeBlocksCanTell) {
  expect_law(
      [](const Evidence& e) {
        return below(e) && e.shape == S::unexplained && e.layout == Layout::whole_blocks;
      },
      [](const Decision& d) {
        return d == Decision{V::damaged, A::refuse};
      });
}

TEST(RecoveryTable, NothingIsCutBehindACleanClose) {
  expect_law(
      [](const Evidence& e) {
        return below(e) && e.remainder == R::clean_close && e.shape != S::zeros;
      },
      [](const Decision& d) {
        return d == Decision{V::damaged, A::refuse};
      });
}

TEST(RecoveryTable, CleanTornAndSuspectAreTheOnlyVerdictsThatAWriterAccepts) {
  for (const Evidence& e : all_evidence()) {
    const Decision d = decide(e);
    const bool accepts = d.action == A::go_on || d.action == A::new_segment;
    const bool accepted = d.verdict == V::clean || d.verdict == V::torn || d.verdict == V::suspect;
    EXPECT_EQ(accepts, accepted) << text(e);
  }
}

}  // namespace
}  // namespace walkit::log
