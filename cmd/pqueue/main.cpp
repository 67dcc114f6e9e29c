#include "config.hpp"
#include "ipc/cli.hpp"
#include "verbs.hpp"

namespace {

int run(const Config& config) {
  switch (config.verb) {
    case Verb::put: return put_messages(config);
    case Verb::get: return get_messages(config);
    case Verb::call: return call_worker(config);
    case Verb::result: return wait_for_result(config);
    case Verb::done:
    case Verb::requeue: return end_lease(config);
    case Verb::join: return join_queue(config);
    case Verb::close: return close_queue(config);
    case Verb::size:
    case Verb::empty:
    case Verb::full: return measure_queue(config);
    case Verb::stat: return show_stat(config);
    case Verb::peek: return peek_messages(config);
    case Verb::purge: return purge_queue(config);
    case Verb::verify: return verify_queue(config);
    case Verb::rm: return remove_queue(config);
    case Verb::list: return list_queues(config);
    case Verb::create: break;
  }
  return create_queue(config);
}

}  // namespace

int main(int argc, char** argv) {
  return ipc::run_main("pqueue", [&] { return run(configure(argc, argv)); });
}
