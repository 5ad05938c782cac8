#!/usr/bin/python
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module ``ordering_verify``."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ordering_verify
short_description: Verify that no message was lost, repeated or reordered
version_added: 1.0.0
author: the wallaroo.resilience contributors (@wallaroo-resilience)
description:
  - Compares every frame of a received file, byte for byte, with the one that is expected for its key.
  - Names every violation with its witness, that is key, place, what was expected and what came.
  - What could not be checked gets the verdict V(unknown), never V(pass).
extends_documentation_fragment:
  - wallaroo.resilience.attributes
  - wallaroo.resilience.attributes.diff_na
  - wallaroo.resilience.common.received
options:
  expectation:
    description:
      - What must have come out.
      - With V(detector) the windows of the detector after each value.
      - With V(market_spread) what a model of its decision rule makes of O(inputs); all but the timestamp of a result is compared.
      - With V(counters) messages C(key,value) whose values rise by one in each key.
      - With V(same_as) in each key the messages of O(reference), in their order.
    type: str
    choices: [detector, market_spread, counters, same_as]
    default: detector
    version_added: 2.0.0
  last:
    description:
      - The value up to which every key was sent; the first is O(first). Needed with the expectations V(detector) and V(counters), which
        need O(keys) or O(key_count) too.
    type: int
    required: false
  inputs:
    description:
      - With O(expectation=market_spread), the files of orders and quotes in the order in which they were sent, each as often as it was sent.
        Each must have been sent when those before it were known.
    type: list
    elements: path
    version_added: 2.0.0
  reference:
    description:
      - With O(expectation=same_as), the other file.
    type: path
    version_added: 2.0.0
  reference_format:
    description:
      - How messages are read there, which tells the keys apart. With V(frames) they may be anything, and all are in one order.
    type: str
    choices: [detector, market_spread, counter, frames]
    default: detector
    version_added: 2.0.0
  first:
    description:
      - The value with which every key begins.
    type: int
    default: 1
  mode:
    description:
      - With V(exactly_once) every message must have come once, and those of a key in order.
      - With V(at_least_once) a key may also repeat what it has sent, byte for byte. It may go back to any value and
        must rise by one from there up to O(last), so that nothing is left out on the way. Of what is known of crashes, see
        O(source_log), follows to which values it may go back, and how often.
      - With V(none) a key may lose what was sent after the last checkpoint before a crash and before the source came back, and nothing may come again.
        What is lost is named. Windows must be those of a state that a checkpoint or a later moment has left.
    type: str
    choices:
      - exactly_once
      - at_least_once
      - none
    default: exactly_once
  source_log:
    description:
      - Where the source log is, a folder with C(sent.log) and C(sent.events). From it is taken what was covered at each of O(moments), and from
        which record the source was read again.
      - Without it nothing is known of crashes. Then keys may go back to any value with O(mode=at_least_once), and whatever is missing makes the verdict
        V(unknown) with O(mode=none).
      - Only with the expectations V(detector) and V(counters), the latter with O(first=1).
    type: path
    version_added: 2.0.0
  violations_limit:
    description:
      - How many violations are returned at most; all are counted.
    type: int
    default: 20
  fail_on:
    description:
      - Which verdicts fail the task. The whole result is returned in any case.
      - With V(not_pass) the verdicts V(fail) and V(unknown) do, with V(fail) only that one, and with V(never) none,
        so that the caller has to look at RV(verdict).
    type: str
    choices:
      - not_pass
      - fail
      - never
    default: not_pass
  moments:
    description:
      - Moments in seconds since the epoch, such as the times of kills. For each RV(gaps) tells how long nothing came out.
      - With O(source_log) they must be the times of kills, and all of them unless O(moments_complete=false).
    type: list
    elements: float
    default: []
  moments_complete:
    description:
      - Whether there were no other kills than O(moments). With V(false) several of them without a reading of the source in between are one crash, and a
        reader of O(source_log) that went without any is taken for a crash, too; RV(crashes[].sentence) says so.
    type: bool
    default: true
    version_added: 2.0.0
  prove_seed:
    description:
      - Prove that the verifier can fail. A small copy of this very file is damaged in every class of violation, and each must be caught and
        named; otherwise the verdict V(pass) becomes V(unknown). From this number follow the places and the forms of the damage.
      - Keys have to begin with 1.
    type: int
    version_added: 2.0.0
seealso:
  - module: wallaroo.resilience.received_wait
"""

EXAMPLES = r"""
- name: Verify what 11 keys sent up to 2000
  wallaroo.resilience.ordering_verify:
    path: "{{ wallaroo_base }}/received/received.bin"
    key_count: 11
    last: 2000

- name: Verify what market-spread has made of its files, of which orders and quotes were sent twice
  wallaroo.resilience.ordering_verify:
    path: "{{ wallaroo_base }}/received/received.bin"
    expectation: market_spread
    inputs:
      - /data/initial-nbbo.msg
      - /data/orders.msg
      - /data/nbbo.msg
      - /data/orders.msg
      - /data/nbbo.msg

- name: Verify a run in which messages were sent again, and go on whatever comes out
  wallaroo.resilience.ordering_verify:
    path: "{{ wallaroo_base }}/received/received.bin"
    keys:
      - key_0
      - key_1
    last: 1000
    mode: at_least_once
    fail_on: never
  register: verification
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail), or V(unknown) for what could not be checked.
  returned: always
  type: str
  sample: fail
message:
  description: The result in a sentence.
  returned: always
  type: str
  sample: >-
    fail: 3 violations; first: key_3: 501..612 are missing: at frame 5734 (byte 245001) came [610,611,612,613] where
    [498,499,500,501] was expected
reason:
  description: Why the verdict is not V(pass), empty otherwise.
  returned: always
  type: str
  sample: >-
    key_3: 501..612 are missing: at frame 5734 (byte 245001) came [610,611,612,613] where [498,499,500,501] was expected
file:
  description: The file that was checked.
  returned: always
  type: str
  sample: /srv/wallaroo/received/received.bin
mode:
  description: As O(mode).
  returned: always
  type: str
  sample: exactly_once
guarantee:
  description: The same.
  returned: always
  type: str
  sample: exactly_once
repeated:
  description: With O(mode=at_least_once) how many messages came again, as they may.
  returned: always
  type: int
  sample: 0
lost:
  description: With O(mode=none) how many messages were sent and never came out, as may be.
  returned: always
  type: int
  sample: 0
crashes:
  description: With O(source_log) what is known of each crash, and what it did.
  returned: always
  type: list
  elements: dict
  contains:
    killed:
      description: When it was, in seconds since the epoch.
      type: float
      sample: 1795466797.77
    covered:
      description: How many records of the source log a checkpoint had covered before.
      type: int
      sample: 5000
    read_from:
      description: The numbers, from 1, of the records with which the source began again. Empty when it never came back.
      type: list
      elements: int
      sample: [5001]
    replayed:
      description: Whether what had been sent was read again.
      type: bool
      sample: true
    repeated:
      description: How many messages came again because of it.
      type: int
      sample: 300
    lost_count:
      description: How many messages it took, which were sent and never came out.
      type: int
      sample: 0
    lost:
      description: For each key the first and the last of the values that it took.
      type: dict
      sample: {}
    forgotten:
      description: For each key the first and the last of the values that came out, and that the state does not know any more.
      type: dict
      sample: {}
    covered_values:
      description: For each key its last value that a checkpoint had covered.
      type: dict
      sample: {key_0: 454, key_1: 455}
    read_from_values:
      description: For each of RV(crashes[].read_from) the last value of each key before that record.
      type: list
      elements: dict
      sample: [{key_0: 454, key_1: 455}]
    sentence:
      description: The same in words.
      type: str
      sample: >-
        After the crash at 12:33:17 UTC the source was read again from record 5,001 on; before it a checkpoint had covered 5,000.
        300 messages came again.
crashes_known:
  description: Whether RV(crashes) are all that there were.
  returned: always
  type: bool
  sample: true
assumed:
  description: What was assumed since nothing is known of crashes, in a sentence; empty when it changed nothing.
  returned: always
  type: str
  sample: ""
keys:
  description: How many keys were expected.
  returned: always
  type: int
  sample: 11
expected:
  description: How many messages should have come, repeats not counted.
  returned: always
  type: int
  sample: 22000
received:
  description: How many messages came. Torn frames and other damage are none.
  returned: always
  type: int
  sample: 21888
violations:
  description: The first violations, in the order of the file.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description:
        - One of V(gap), V(lost_head), V(lost_tail), V(missing_key), V(duplicate), V(rewind), V(reorder), V(cross_key),
          V(unknown_key), V(beyond_last), V(reset_state), V(bad_window), V(leading_zero), V(torn_frame), V(garbage).
        - Of other expectations than the detector's also V(wrong_result), a message that the input of its key does not lead to.
        - With O(mode=at_least_once) and O(source_log) also V(early_repeat), V(late_repeat), and V(rewound), a source that was read again from before
          what a checkpoint had covered.
      type: str
      sample: gap
    key:
      description: The key, null where none can be told.
      type: str
      sample: key_3
    position:
      description: Number of the frame in the file from 0, -1 for what is missing at the end.
      type: int
      sample: 5734
    offset:
      description: The byte of the file at which it begins.
      type: int
      sample: 245001
    expected:
      description: What was expected there.
      type: str
      sample: "[498,499,500,501]"
    found:
      description: What came.
      type: str
      sample: "[610,611,612,613]"
    missing:
      description: First and last missing value, or null.
      type: list
      elements: int
      sample: [501, 612]
    missing_in:
      description: The key that lacks them, where it is not RV(violations[].key).
      type: str
      sample: null
    other:
      description: Another key that has a part in it, or null.
      type: str
      sample: null
    times:
      description: How often the same wrong frame came in a row.
      type: int
      sample: 1
    around:
      description:
        - The witness. A line for each message around the violation as it stands in the file, with V(>) before the one itself,
          and the nearest messages of the same key besides.
      type: list
      elements: str
      sample:
        - "  frame 5733 (byte 244950): (key_3.TraceID-1.TraceWindow-1,[497,498,499,500])"
        - "> frame 5734 (byte 245001): (key_3.TraceID-1.TraceWindow-1,[610,611,612,613])"
    sentence:
      description: The violation in words.
      type: str
      sample: >-
        key_3: 501..612 are missing: at frame 5734 (byte 245001) came [610,611,612,613] where [498,499,500,501] was
        expected
violation_count:
  description: How many violations there are in all.
  returned: always
  type: int
  sample: 3
last_values:
  description: The highest value of each key; one below O(first) where nothing came.
  returned: when the file could be checked
  type: dict
  sample:
    key_0: 2000
    key_3: 2000
validator_passed:
  description: Whether Wallaroo's own validator, which checks less, accepts the file. V(null) for what it does not know.
  returned: always
  type: bool
  sample: false
validator_verdict:
  description: What Wallaroo's own validator says.
  returned: always
  type: str
  sample: "Sequentiality test failed on key key_3: 613 after 500. Error validating file."
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 0.05
detector:
  description: With O(prove_seed) and a file that passed, what was planted into the copy and what was found; V(null) otherwise.
  returned: always
  type: dict
  sample:
    seed: 7
    proved: true
    reason: ""
    planted: [{kind: gap, form: gap_of_one, wanted: gap, found: [gap], caught: true}]
    not_planted: ["cross_key: the stream has one key only, so no two can be mixed up"]
gaps:
  description:
    - For each of O(moments) the last arrival before it and the first after it, in seconds since the epoch, and how long nothing came out
      in between; V(null) where there is none.
  returned: always
  type: list
  elements: dict
  sample: [{moment: 1795466797.77, last_before: 1795466793.1, first_after: 1795466799.4, seconds: 6.3}]
"""

from ansible_collections.wallaroo.resilience.plugins.module_utils import _edge
from ansible_collections.wallaroo.resilience.plugins.module_utils._catalogue.applications import MARKET_SPREAD
from ansible_collections.wallaroo.resilience.plugins.module_utils._verification import expectations, ordering, report

SPEC: _edge.Specification = {
    "argument_spec": {
        **_edge.RECEIVED,
        "last": {"type": "int"},
        "expectation": {"type": "str", "choices": list(report.EXPECTATIONS), "default": expectations.DETECTOR},
        "inputs": {"type": "list", "elements": "path"},
        "reference": {"type": "path"},
        "reference_format": {"type": "str", "choices": list(expectations.FORMATS), "default": expectations.DETECTOR},
        "first": {"type": "int", "default": 1},
        "mode": {"type": "str", "choices": list(ordering.MODES), "default": ordering.EXACTLY_ONCE},
        "violations_limit": {"type": "int", "default": 20},
        "fail_on": {"type": "str", "choices": ["not_pass", "fail", "never"], "default": "not_pass"},
        "prove_seed": {"type": "int"},
        "moments": {"type": "list", "elements": "float", "default": []},
        "moments_complete": {"type": "bool", "default": True},
        "source_log": {"type": "path"},
    },
    "mutually_exclusive": [("keys", "key_count")],
    "required_if": [
        ("expectation", expectations.DETECTOR, ("last",)),
        ("expectation", expectations.DETECTOR, ("keys", "key_count"), True),
        ("expectation", report.COUNTERS, ("last",)),
        ("expectation", report.COUNTERS, ("keys", "key_count"), True),
        ("expectation", MARKET_SPREAD, ("inputs",)),
        ("expectation", report.SAME_AS, ("reference",)),
    ],
}


def run(module: _edge.Module) -> None:
    """Do it on the machine of this process."""
    wanted = module.params
    if wanted["key_count"] is not None and wanted["key_count"] < 1:
        module.fail_json(msg=f"key_count is {wanted['key_count']}: say how many keys were sent, at least 1")
    if wanted["source_log"] and not report.takes_crashes(wanted):
        module.fail_json(
            msg=f"source_log tells of crashes by the values of keys, which the expectation {wanted['expectation']} "
            f"with first={wanted['first']} does not have: use detector, or counters with first=1, or leave it out"
        )
    result = report.of(wanted)
    bad = {"not_pass": ("fail", "unknown"), "fail": ("fail",), "never": ()}[wanted["fail_on"]]
    if result["verdict"] in bad:
        module.fail_json(msg=result["message"], **result)
    module.exit_json(**result)


main = _edge.main(SPEC, run)

if __name__ == "__main__":
    main()
