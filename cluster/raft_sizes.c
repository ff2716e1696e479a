/* libraft's header checks its own layout with static assertions that C++ cannot compile; here they
 * are compiled as C. */
/* group.cpp compares the sizes, so that both languages see the same structs. */
#include <raft.h>

const unsigned long millrace_raft_sizes[] = {sizeof(struct raft), sizeof(struct raft_event),
                                             sizeof(struct raft_update), sizeof(struct raft_entry)};
