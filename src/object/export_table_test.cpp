#include "object/export_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace sinew::object {
namespace {

using Handle = std::shared_ptr<int>;
using Table = ExportTable<Handle, const int*>;

ObjectId an_instance() { return {"module.Class", 77, 1}; }
ObjectId a_class() { return {"module.Class", 77, 0}; }

class ExportTableTest : public ::testing::Test {
 protected:
  // Sends `object` once and returns its id, the name left out.
  ObjectIdView sent(const Handle& object, ObjectId wish = an_instance()) {
    const auto id = table_.add(object.get(), [&] { return wish; }, [&] { return object; });
    EXPECT_TRUE(id);
    return id ? ObjectIdView{"", id->class_id, id->instance_id} : ObjectIdView{};
  }

  Table table_{4};
  Handle one_ = std::make_shared<int>(1);
  Handle two_ = std::make_shared<int>(2);
};

TEST_F(ExportTableTest, AnObjectIsFoundUnderItsId) {
  const ObjectIdView id = sent(one_);
  EXPECT_EQ(id.class_id, 77);
  EXPECT_NE(id.instance_id, 0);
  ASSERT_NE(table_.find(id), nullptr);
  EXPECT_EQ(*table_.find(id), one_);
  EXPECT_EQ(table_.find({"", 77, id.instance_id + 1}), nullptr);
}

TEST_F(ExportTableTest, TheNameIsTheOneDescribed) {
  const auto id = table_.add(one_.get(), [] { return an_instance(); }, [&] { return one_; });
  ASSERT_TRUE(id);
  EXPECT_EQ(id->name, "module.Class");
}

TEST_F(ExportTableTest, TheSameObjectKeepsItsIdAndEverySendingCounts) {
  const ObjectIdView id = sent(one_);
  EXPECT_EQ(sent(one_).instance_id, id.instance_id);
  EXPECT_EQ(sent(one_).instance_id, id.instance_id);
  EXPECT_EQ(table_.size(), 1u);
  const auto not_yet = table_.release(id, 2);
  ASSERT_TRUE(not_yet.outcome);
  EXPECT_FALSE(not_yet.handle.has_value());
  const auto last = table_.release(id, 1);
  ASSERT_TRUE(last.outcome && last.handle);
  EXPECT_EQ(*last.handle, one_) << "the handle is returned, to be let go of without a lock";
  EXPECT_EQ(table_.find(id), nullptr);
}

TEST_F(ExportTableTest, AReleaseThatCrossesANewSendingDoesNotEndIt) {
  const ObjectIdView id = sent(one_);
  sent(one_);  // is on its way while the peer releases the first
  ASSERT_TRUE(table_.release(id, 1).outcome);
  EXPECT_NE(table_.find(id), nullptr);
}

TEST_F(ExportTableTest, WhatIsRetainedOutlivesThePeersRelease) {
  const ObjectIdView id = sent(one_);
  ASSERT_TRUE(table_.retain(id));
  EXPECT_FALSE(table_.release(id, 1).handle);
  ASSERT_NE(table_.find(id), nullptr);
  EXPECT_EQ(table_.release(id, 1).handle, one_);
  EXPECT_FALSE(table_.retain(id));
}

TEST_F(ExportTableTest, SerialNumbersAreNeverUsedAgain) {
  std::set<std::int64_t> serials;
  for (int i = 0; i < 10; ++i) {
    const ObjectIdView id = sent(one_);
    EXPECT_TRUE(serials.insert(id.instance_id).second);
    ASSERT_TRUE(table_.release(id, 1).outcome);
  }
}

TEST_F(ExportTableTest, AClassHasItsOwnNumberAndInstanceZero) {
  const ObjectIdView id = sent(one_, a_class());
  EXPECT_EQ(id.class_id, 77);
  EXPECT_EQ(id.instance_id, 0);
  const ObjectIdView other = sent(two_, a_class());
  EXPECT_EQ(other.instance_id, 0);
  EXPECT_NE(other.class_id, 77) << "a wish that another has already is granted otherwise";
  EXPECT_EQ(*table_.find(id), one_);
  EXPECT_EQ(*table_.find(other), two_);
}

TEST_F(ExportTableTest, ReleaseBelowZeroIsAProtocolError) {
  const ObjectIdView id = sent(one_);
  auto released = table_.release(id, 5);
  EXPECT_EQ(released.outcome.error(), Errc::kReleaseUnderflow);
  EXPECT_EQ(table_.find(id), nullptr) << "the peer says that it holds nothing";
  EXPECT_EQ(released.handle, one_);
  released.handle.reset();
  EXPECT_EQ(one_.use_count(), 1) << "the table must keep nothing that max_exports does not count";
  EXPECT_EQ(table_.clear().size(), 0u);
}

TEST_F(ExportTableTest, ReleasingWhatIsNotExportedIsAnError) {
  EXPECT_EQ(table_.release({"", 1, 2}, 1).outcome.error(), Errc::kUnknownObject);
  const ObjectIdView id = sent(one_);
  ASSERT_TRUE(table_.release(id, 1).outcome);
  EXPECT_EQ(table_.release(id, 1).outcome.error(), Errc::kUnknownObject);
}

TEST_F(ExportTableTest, TooManyExportsAreRefusedAndKnownOnesAreNot) {
  std::vector<Handle> objects;
  for (int i = 0; i < 4; ++i) {
    objects.push_back(std::make_shared<int>(i));
    sent(objects.back());
  }
  const auto refused = table_.add(one_.get(), [] { return an_instance(); }, [&] { return one_; });
  EXPECT_EQ(refused.error(), Errc::kTooManyExports);
  sent(objects.front());
}

TEST_F(ExportTableTest, DescribingMaySendTheSameObject) {
  ObjectIdView inner;
  const auto outer = table_.add(
      one_.get(),
      [&] {
        inner = sent(one_);
        return an_instance();
      },
      [&] { return one_; });
  ASSERT_TRUE(outer);
  EXPECT_EQ(outer->instance_id, inner.instance_id);
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_FALSE(table_.release(inner, 1).handle) << "it was sent twice";
}

TEST_F(ExportTableTest, ClearReturnsEverything) {
  sent(one_);
  sent(two_);
  EXPECT_EQ(table_.clear().size(), 2u);
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_EQ(one_.use_count(), 1);
  sent(one_);
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(ExportTableTest, VisitingStopsWhenAsked) {
  sent(one_);
  sent(two_);
  int visits = 0;
  EXPECT_EQ(table_.for_each([&](const Handle&) { return ++visits, 0; }), 0);
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(table_.for_each([&](const Handle&) { return 5; }), 5);
}

TEST_F(ExportTableTest, TheIdOfAnObjectIsTheOneItWasSentUnder) {
  EXPECT_EQ(table_.id_of(one_.get()), std::nullopt);
  const ObjectIdView id = sent(one_);
  const auto found = table_.id_of(one_.get());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "module.Class");
  EXPECT_EQ(found->class_id, id.class_id);
  EXPECT_EQ(found->instance_id, id.instance_id);
  static_cast<void>(table_.release(id, 1));
  EXPECT_EQ(table_.id_of(one_.get()), std::nullopt);
}

TEST_F(ExportTableTest, EntriesAreVisitedWithTheirCountsUntilToldToStop) {
  sent(one_);
  sent(one_);
  sent(two_);
  std::set<std::pair<int, std::uint64_t>> seen;
  table_.for_each_entry([&](const ObjectIdView& id, const Handle& handle, std::uint64_t count) {
    EXPECT_EQ(id.class_id, 77);
    seen.emplace(*handle, count);
    return true;
  });
  EXPECT_EQ(seen, (std::set<std::pair<int, std::uint64_t>>{{1, 2}, {2, 1}}));
  int visits = 0;
  table_.for_each_entry([&](const ObjectIdView&, const Handle&, std::uint64_t) {
    ++visits;
    return false;
  });
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace sinew::object
