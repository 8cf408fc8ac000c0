import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { native } from '../../src/capture/native.ts';
import { syscallNames } from '../../src/kernel/syscalls.ts';
import { FILTER, residentMegabytes } from './support.ts';

const ALLOW = 0x7fff0000;
const INSTRUCTION = 8;
const eq = (index: number, value: bigint) => ({ index, op: 4, value, valueTwo: 0n });

suite('buildFilter', () => {
  test('no rules: one answer for each call of the architecture', () => {
    const { program, unknown } = native().buildFilter({ ...FILTER, rules: [] });
    assert.equal(program.length % INSTRUCTION, 0);
    assert.ok(program.length > 0);
    assert.deepEqual(unknown, []);
  });

  test('names that libseccomp does not know are told by their index, the others are in it', () => {
    const names = ['nonexistent', 'read', '', 'x'.repeat(1 << 16), 'write', 'sys_read', '0', 'ä', '%s'];
    const rules = names.map((name) => ({ name, action: ALLOW, args: [] }));
    const { program, unknown } = native().buildFilter({ ...FILTER, rules });
    assert.deepEqual(unknown, [0, 2, 3, 5, 6, 7, 8]);
    const known = native().buildFilter({ ...FILTER, rules: rules.filter(({ name }) => /^(read|write)$/.test(name)) });
    assert.deepEqual(program, known.program);
  });

  test('five thousand rules, as one filter or a refusal', () => {
    const rules = Array.from({ length: 5000 }, (_, index) => ({
      name: 'ioctl',
      action: ALLOW,
      args: [eq(1, BigInt(index))],
    }));
    const { program } = native().buildFilter({ ...FILTER, rules });
    assert.ok(program.length / INSTRUCTION > 5000);
  });

  test('all names, all architectures, all arguments', () => {
    const rules = syscallNames('x86_64').map((name) => ({ name, action: ALLOW, args: [] }));
    const architectures = [0xc000003e, 0x40000003, 0x4000003e];
    assert.ok(native().buildFilter({ ...FILTER, architectures, rules }).program.length > 300 * INSTRUCTION);
    const args = [0, 1, 2, 3, 4, 5].map((index) => eq(index, 2n ** 64n - 1n));
    native().buildFilter({ ...FILTER, rules: [{ name: 'read', action: ALLOW, args }] });
  });

  test('the same rule twice, and two that contradict', () => {
    const rule = { name: 'read', action: ALLOW, args: [eq(0, 1n)] };
    const outcome = (second: typeof rule) => {
      try {
        return native().buildFilter({ ...FILTER, rules: [rule, second] }).program.length > 0;
      } catch (error) {
        return (error as { operation: string }).operation;
      }
    };
    assert.ok([true, 'seccomp_rule_add'].includes(outcome(rule)));
    assert.ok([true, 'seccomp_rule_add'].includes(outcome({ ...rule, action: 0x00050002 })));
  });

  test('a thousand filters, and a thousand refusals, leave no memory', (context) => {
    const good = {
      ...FILTER,
      rules: Array.from({ length: 20 }, (_, value) => ({ name: 'ioctl', action: ALLOW, args: [eq(1, BigInt(value))] })),
    };
    const bad = { ...good, rules: [...good.rules, { name: 'read', action: ALLOW, args: [eq(6, 0n)] }] };
    const round = () => {
      for (let count = 0; count < 500; count += 1) {
        native().buildFilter(good);
        assert.throws(() => native().buildFilter(bad), { operation: 'seccomp_rule_add' });
      }
    };
    round();
    const before = residentMegabytes();
    round();
    const growth = residentMegabytes() - before;
    context.diagnostic(`${growth.toFixed(1)} MB more after 500 of each`);
    assert.ok(growth < 10, `${growth} MB`);
  });
});
