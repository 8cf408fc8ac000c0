import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dangerOf, parseAuditdSettings, readAuditdSettings } from '../../../../src/agent/audit/auditd-settings.ts';

const MIB = 1 << 20;
/** As Debian has it. */
const USUAL = `
# a comment = none
log_file = /var/log/Audit/audit.log
max_log_file = 8
num_logs = 5
max_log_file_action = ROTATE
space_left = 75
space_left_action = SYSLOG
admin_space_left = 50
admin_space_left_action = SUSPEND
disk_full_action = SUSPEND
disk_error_action = SUSPEND
`;

function danger(changed: Record<string, string> = {}, free = 1000): string | undefined {
  const values = parseAuditdSettings(USUAL);
  for (const [name, value] of Object.entries(changed)) values.set(name, value);
  return dangerOf({ path: '/etc/audit/auditd.conf', values, space: { size: 10_000 * MIB, free: free * MIB } })?.message;
}

test('auditd as a distribution sets it up is no danger', () => assert.equal(danger(), undefined));

const DANGERS: readonly [changed: Record<string, string>, message: RegExp][] = [
  [{ disk_full_action: 'halt' }, /shuts the node down .*disk_full_action = halt in \/etc\/audit\/auditd.conf/],
  [{ disk_error_action: 'single' }, /to single user mode .*disk_error_action = single/],
  [{ space_left_action: 'halt' }, /space_left_action = halt/],
  [{ admin_space_left_action: 'single' }, /admin_space_left_action = single/],
  [{ max_log_file_action: 'suspend' }, /stops writing when its file is full/],
];

for (const [changed, message] of DANGERS)
  test(`${JSON.stringify(changed)} is one`, () => assert.match(danger(changed) ?? '', message));

const SPACE: readonly [changed: Record<string, string>, needed: number][] = [
  [{}, 75 + 40],
  [{ max_log_file_action: 'keep_logs' }, 75 + 512],
  [{ num_logs: '99', max_log_file: '100' }, 75 + 512],
  [{ space_left: '5%' }, 500 + 40],
  [{ admin_space_left: '200' }, 200 + 40],
];

for (const [changed, needed] of SPACE)
  test(`with ${JSON.stringify(changed)} ${needed} MiB have to be free`, () => {
    assert.equal(danger(changed, needed), undefined);
    assert.match(danger(changed, needed - 1) ?? '', new RegExp(`${needed - 1} MiB are free .* ${needed} are needed`));
  });

test('where auditd writes nothing its disk does not matter', () =>
  assert.equal(danger({ write_logs: 'no' }, 0), undefined));

test('settings are those that it was started with, below its own root', (context) => {
  const proc = mkdtempSync(join(tmpdir(), 'syscribe-auditd-'));
  context.after(() => rmSync(proc, { recursive: true, force: true }));
  for (const directory of ['7/root/etc/audit', '7/root/other', '7/root/var/log/Audit'])
    mkdirSync(join(proc, directory), { recursive: true });
  writeFileSync(join(proc, '7/root/etc/audit/auditd.conf'), USUAL);
  writeFileSync(join(proc, '7/root/other/auditd.conf'), `${USUAL}Disk_Full_Action = Halt\n`);
  writeFileSync(join(proc, '7/cmdline'), 'auditd\0');
  assert.equal(readAuditdSettings(7, proc).path, '/etc/audit/auditd.conf');
  writeFileSync(join(proc, '7/cmdline'), 'auditd\0-n\0-c\0/other\0');
  const { path, values, space } = readAuditdSettings(7, proc);
  assert.deepEqual([path, values.get('disk_full_action')], ['/other/auditd.conf', 'halt']);
  assert.ok(space.size > space.free && space.free > 0);
});
