// When to stop: the clock, the label limit and the host (Ctrl-C, progress), asked in one place.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace mpsolve {

enum class Limit { kNone, kTime, kLabels, kInterrupted };

// What the engine needs of its surroundings. `poll` returns false to stop the search.
class Host {
 public:
  virtual ~Host() = default;
  virtual bool poll(double incumbent_loss, double bound, std::int64_t num_labels) = 0;
};

// Who can say how far the search is.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual double incumbent_loss() const = 0;
  virtual double bound() const = 0;
};

class Control {
 public:
  using Clock = std::chrono::steady_clock;

  Control(double time_limit, std::int64_t label_limit, Host* host)
      : start_(Clock::now()),
        last_poll_(start_),
        time_limit_(time_limit),
        label_limit_(label_limit),
        host_(host) {}

  // Books `work` (options or labels looked at). False: stop now.
  bool tick(std::int64_t work) {
    credit_ -= work;
    return credit_ > 0 ? limit_ == Limit::kNone : check();
  }

  bool count_labels(std::int64_t created) {
    num_labels_ += created;
    if (label_limit_ > 0 && num_labels_ >= label_limit_) stop(Limit::kLabels);
    return limit_ == Limit::kNone;
  }

  // From here on the clock counts: a small problem always gets its first layout and bound.
  void arm() { armed_ = true; }

  void watch(const Probe* probe) { probe_ = probe; }
  Limit limit() const { return limit_; }
  // A private cap of one phase must not look like the caller's limit.
  void set_label_limit(std::int64_t label_limit) { label_limit_ = label_limit; }
  std::int64_t label_limit() const { return label_limit_; }
  void forget_label_limit() {
    if (limit_ == Limit::kLabels) limit_ = Limit::kNone;
  }
  std::int64_t num_labels() const { return num_labels_; }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  static constexpr std::int64_t kCredit = 16384;
  static constexpr std::int64_t kGrace = 1 << 21;  // work before the clock counts unasked

  void stop(Limit why) {
    if (limit_ == Limit::kNone) limit_ = why;
  }

  bool check() {
    spent_ += kCredit - credit_;
    credit_ = kCredit;
    const Clock::time_point now = Clock::now();
    if ((armed_ || spent_ > kGrace) &&
        std::chrono::duration<double>(now - start_).count() > time_limit_) {
      stop(Limit::kTime);
    }
    if (host_ != nullptr && now - last_poll_ >= std::chrono::milliseconds(20)) {
      last_poll_ = now;
      const double nothing = std::numeric_limits<double>::quiet_NaN();
      const double unbounded = -std::numeric_limits<double>::infinity();
      if (!host_->poll(probe_ != nullptr ? probe_->incumbent_loss() : nothing,
                       probe_ != nullptr ? probe_->bound() : unbounded, num_labels_)) {
        stop(Limit::kInterrupted);
      }
    }
    return limit_ == Limit::kNone;
  }

  Clock::time_point start_;
  Clock::time_point last_poll_;
  double time_limit_;
  std::int64_t label_limit_;
  Host* host_;
  const Probe* probe_ = nullptr;
  std::int64_t credit_ = kCredit;
  std::int64_t spent_ = 0;
  std::int64_t num_labels_ = 0;
  bool armed_ = false;
  Limit limit_ = Limit::kNone;
};

// A label limit of one phase, tighter than the caller's; when it ends, so does its effect.
class PrivateLimit {
 public:
  PrivateLimit(Control& control, std::int64_t labels)
      : control_(control), outer_(control.label_limit()) {
    const std::int64_t limit = control.num_labels() + labels;
    own_ = outer_ == 0 || limit < outer_;
    if (own_) control.set_label_limit(limit);
  }
  ~PrivateLimit() { lift(); }

  // Ends it early.
  void lift() {
    if (!own_) return;
    own_ = false;
    control_.set_label_limit(outer_);
    control_.forget_label_limit();
  }
  PrivateLimit(const PrivateLimit&) = delete;
  PrivateLimit& operator=(const PrivateLimit&) = delete;

  bool stopped_by_caller() const {
    return control_.limit() != Limit::kNone && !(own_ && control_.limit() == Limit::kLabels);
  }

 private:
  Control& control_;
  std::int64_t outer_;
  bool own_ = false;
};

}  // namespace mpsolve
