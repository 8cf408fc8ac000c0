import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { blockOf } from '../../../../src/capture/audit/fields.ts';
import { AuditParser, MAX_LINE } from '../../../../src/capture/audit/parser.ts';
import { runsOf } from '../../../support/sizes.ts';
import { parse } from './parse.ts';

const SECCOMP =
  'type=SECCOMP msg=audit(1712345678.123:4711): auid=4294967295 uid=101 gid=102 ses=4294967295 subj=unconfined ' +
  'pid=20011 comm="nginx" exe="/usr/sbin/nginx" sig=0 arch=c000003e syscall=50 compat=0 ip=0x7f00aa code=0x7ffc0000';
const KERNEL =
  'audit: type=1326 audit(1712345678.200:12): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=777 comm="sh" ' +
  'exe="/bin/busybox" sig=0 arch=c000003e syscall=1 compat=0 ip=0x7f code=0x7ffc0000';
const AVC =
  'type=AVC msg=audit(1712345679.001:99): avc:  denied  { read open } for  pid=4242 comm="redis" path="/x" dev="vda1" ' +
  'ino=9 scontext=system_u:system_r:selinuxrecording.process:s0:c1,c2 tcontext=system_u:object_r:var_lib_t:s0 ' +
  'tclass=file permissive=1';
const APPARMOR =
  'audit: type=1400 audit(1712345680.500:7): apparmor="DENIED" operation="exec" profile="p1" name="/usr/bin/id" ' +
  'pid=4166 comm="sh" requested_mask="x" denied_mask="x" fsuid=0 ouid=0';

function one(line: string) {
  const { events } = parse(`${line}\n`);
  assert.equal(events.length, 1, line);
  return events[0];
}

const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();

suite('each shape', () => {
  test('SECCOMP as auditd writes it; unset ids are left out', () => {
    assert.deepEqual(one(SECCOMP), {
      type: 'seccomp',
      time: 1712345678123,
      serial: 4711,
      part: 0,
      process: { pid: 20011, uid: 101, gid: 102, comm: 'nginx', exe: '/usr/sbin/nginx' },
      session: 0xffffffff,
      seccomp: { syscall: 'listen', number: 50, arch: 'x86_64', action: 'log' },
    });
  });

  for (const [what, prefix] of Object.entries({
    nothing: '',
    'syslog’s time, host and tag': 'Apr  5 10:11:12 n1 kernel: [ 91.000001] ',
    'syslog without the uptime': 'Apr 15 10:11:12 n1 kernel: ',
    'an ISO time': '2024-04-05T10:11:12.123456+02:00 n1 kernel: [    9.000001] ',
    'a priority': '<5>[   91.000001] ',
    'dmesg’s uptime': '[12345.000001] ',
  }))
    test(`the kernel's own form behind ${what}`, () => {
      const event = one(prefix + KERNEL);
      assert.equal(event?.serial, 12);
      assert.deepEqual(event?.seccomp, { syscall: 'write', number: 1, arch: 'x86_64', action: 'log' });
    });

  test('auditd’s lines behind a node name, and through its syslog plugin', () => {
    for (const prefix of ['node=n1 ', 'Apr  5 10:11:12 n1 audispd: ', 'Apr  5 10:11:12 n1 audisp-syslog[12]: node=n1 '])
      assert.equal(one(prefix + SECCOMP)?.serial, 4711, prefix);
  });

  test('an AVC of SELinux', () => {
    assert.deepEqual(one(AVC), {
      type: 'selinux',
      time: 1712345679001,
      serial: 99,
      part: 0,
      process: { pid: 4242, comm: 'redis' },
      selinux: {
        verdict: 'denied',
        permissions: ['read', 'open'],
        class: 'file',
        scontext: 'system_u:system_r:selinuxrecording.process:s0:c1,c2',
        tcontext: 'system_u:object_r:var_lib_t:s0',
        permissive: true,
        path: '/x',
      },
    });
  });

  test('AppArmor in the kernel’s form, in auditd’s, and under its old types', () => {
    const expected = {
      verdict: 'DENIED',
      operation: 'exec',
      profile: 'p1',
      name: '/usr/bin/id',
      requested: 'x',
      denied: 'x',
    };
    const body = APPARMOR.slice('audit: type=1400 audit'.length);
    for (const line of [
      APPARMOR,
      ...['AVC', 'APPARMOR_DENIED', 'APPARMOR'].map((type) => `type=${type} msg=audit${body}`),
      `type=UNKNOWN[1400] msg=audit${body}`,
    ])
      assert.deepEqual(one(line)?.apparmor, expected, line);
  });

  test('AppArmor without a name: capability, network, ptrace, signal', () => {
    const of = (rest: string) =>
      one(`type=AVC msg=audit(1.000:1): apparmor="DENIED" ${rest} pid=5 comm="x" profile="p"`)?.apparmor;
    const verdict = 'DENIED';
    assert.deepEqual(of('operation="capable" class="cap" capability=12 capname="net_admin"'), {
      verdict,
      operation: 'capable',
      profile: 'p',
      capability: 'net_admin',
    });
    assert.deepEqual(
      of(
        'operation="create" class="net" family="inet" sock_type="stream" protocol=6 requested="create" denied="create"',
      ),
      {
        verdict,
        operation: 'create',
        profile: 'p',
        requested: 'create',
        denied: 'create',
        family: 'inet',
        sockType: 'stream',
      },
    );
    assert.deepEqual(of('operation="ptrace" requested_mask="read" denied_mask="read" peer="unconfined"'), {
      verdict,
      operation: 'ptrace',
      profile: 'p',
      requested: 'read',
      denied: 'read',
      peer: 'unconfined',
    });
    assert.equal(of('operation="signal" signal=term peer="other profile"')?.peer, 'other profile');
    assert.equal(
      of('operation="open" info="Failed name lookup - disconnected path" error=-13 name="a b"')?.name,
      'a b',
    );
  });
});

test('arch decides the table, code the action', () => {
  const of = (arch: string, nr: number, code: string) =>
    one(SECCOMP.replace('c000003e', arch).replace('syscall=50', `syscall=${nr}`).replace('0x7ffc0000', code))?.seccomp;
  for (const [arch, nr, code, expected] of [
    ['40000003', 1, '0x50000', { syscall: 'exit', number: 1, arch: 'i386', action: 'errno' }],
    ['c000003e', 0x40000000 + 1, '0x0', { syscall: 'write', number: 1, arch: 'x32', action: 'kill_thread' }],
    ['c00000b7', 64, '0x80000000', { syscall: 'write', number: 64, arch: 'aarch64', action: 'kill_process' }],
    ['40000028', 4, '0x30000', { syscall: 'write', number: 4, arch: 'arm', action: 'trap' }],
    ['c00000f3', 64, '0x7fc00000', { number: 64, arch: 'riscv64', action: 'user_notif' }],
    ['deadbeef', 64, '0x7ff00000', { number: 64, arch: '0xdeadbeef', action: 'trace' }],
    ['c000003e', 9999, '0x50001', { number: 9999, arch: 'x86_64', action: 'errno' }],
    ['c000003e', -1, '0x123450000', undefined],
  ] as const)
    if (expected) assert.deepEqual(of(arch, nr, code), expected);
    else
      assert.deepEqual(parse(`${SECCOMP.replace('code=0x7ffc0000', `code=${code}`)}\n`).counts, {
        lines: 1,
        parsed: 0,
        unparsed: 1,
      });
});

suite('what a process chooses is a value and no more', () => {
  for (const name of [
    'x" exe="/bin/sh',
    'x exe="/bin/sh" pid=1',
    'type=SECCOMP msg=audit(1.000:1): pid=1',
    'a\nb',
    'naïve',
    "it's",
    '\u001d UID="x"',
    '(null)',
  ])
    test(`comm ${JSON.stringify(name)}`, () => {
      const plain = /^[!#-~]+$/.test(name);
      const event = one(SECCOMP.replace('"nginx"', plain ? `"${name}"` : hex(name)));
      assert.equal(event?.process?.comm, name);
      assert.equal(event?.process?.exe, '/usr/sbin/nginx');
      assert.equal(event?.process?.pid, 20011);
    });

  test('a name that looks like hexadecimal is quoted and stays', () => {
    assert.equal(one(SECCOMP.replace('nginx"', 'ABCD"'))?.process?.comm, 'ABCD');
  });

  test('an AppArmor label with blanks stands unquoted before the process: its fields are not taken', () => {
    const event = one(
      SECCOMP.replace(
        'subj=unconfined',
        'subj=x pid=1 uid=0 comm="forged" exe="/forged" syscall=0 arch=40000003 (enforce)',
      ),
    );
    assert.deepEqual(event?.process, { pid: 20011, uid: 101, gid: 102, comm: 'nginx', exe: '/usr/sbin/nginx' });
    assert.equal(event?.seccomp?.syscall, 'listen');
  });

  test('an AppArmor label with a quote and whole fields behind it', () => {
    const event = one(SECCOMP.replace('subj=unconfined', 'subj=q" exe=/bin/sh pid=1 comm="x'));
    assert.deepEqual(event, one(SECCOMP));
  });

  test('auditd’s interpretations are not read', () => {
    const event = one(`${SECCOMP}\u001dAUID="unset" UID="root" pid=1 comm="forged" SYSCALL=fork`);
    assert.equal(event?.process?.pid, 20011);
    assert.equal(event?.process?.comm, 'nginx');
  });

  for (const line of [
    `type=USER_CMD msg=audit(1712345678.123:5): pid=1 uid=0 msg='${SECCOMP}'`,
    `type=USER msg=audit(1712345678.123:5): text=type=SECCOMP msg=audit(1.000:1): pid=1 syscall=59 arch=c000003e code=0x0`,
    `Apr  5 10:11:12 n1 evil[12]: ${KERNEL}`,
    `Apr  5 10:11:12 n1 evil: kernel: ${KERNEL}`,
    `Apr  5 10:11:12 n1 kernel: evil: ${KERNEL}`,
    `x ${SECCOMP}`,
    `Apr  5 10:11:12 n1 audit: ${KERNEL}`,
    `               ${KERNEL}`,
    `Apr  5 10:11:12 n1 kernel: ${SECCOMP}`,
    KERNEL.replace('1326', '1327'),
    KERNEL.replace('audit: ', ''),
    KERNEL.replace('audit: type=1326 ', 'type=1326 msg='),
    SECCOMP.replace('msg=', ''),
    'Apr  5 10:11:12 n1 kernel: kauditd_printk_skb: 12 callbacks suppressed',
    'audit: kauditd_printk_skb: 12 callbacks suppressed',
  ])
    test(`no record: ${line.slice(0, 60)}…`, () => {
      assert.deepEqual(parse(`${line}\n`).events, []);
    });
});

test('fields may come in any order', () => {
  const [head, ...fields] = SECCOMP.split(/ (?=[a-z]+=)/).slice(1);
  const mixed = [...fields].reverse().join(' ');
  assert.ok(head);
  assert.deepEqual(one(`type=SECCOMP msg=audit(1712345678.123:4711): ${mixed}`), one(SECCOMP));
});

suite('records of one event', () => {
  const event = (type: string, rest: string) => `type=${type} msg=audit(1712345679.001:99): ${rest}\n`;
  const byName = AVC.replace('path="/x"', 'name="x"');

  test('an AVC takes from SYSCALL who called, from PATH what was meant', () => {
    const { events } = parse(
      `${byName}\n` +
        event(
          'SYSCALL',
          'arch=c000003e syscall=2 success=no ppid=1 pid=4242 auid=1000 uid=5 gid=6 comm="main" exe="/usr/bin/redis" subj=a uid=0',
        ) +
        `${SECCOMP}\n` +
        event('PATH', 'item=0 name="/etc" inode=3 nametype=PARENT') +
        event('PATH', 'item=1 name="/etc/x" inode=9 nametype=NORMAL') +
        event('PROCTITLE', 'proctitle="redis"'),
    );
    assert.deepEqual(
      events.map(({ serial }) => serial),
      [4711, 99],
    );
    assert.deepEqual(events[1]?.process, {
      pid: 4242,
      uid: 5,
      gid: 6,
      auid: 1000,
      comm: 'redis',
      exe: '/usr/bin/redis',
    });
    assert.equal(events[1]?.selinux?.path, '/etc/x');
  });

  test('several AVCs of one call are told apart', () => {
    const { events } = parse(`${byName}\n${AVC}\n${event('EOE', '')}`);
    assert.deepEqual(
      events.map(({ serial, part }) => [serial, part]),
      [
        [99, 0],
        [99, 1],
      ],
    );
  });

  test('an AVC whose event goes on is given out when the log is a second further', () => {
    const parser = new AuditParser();
    const events: unknown[] = [];
    const add = (line: string) => parser.parseLines(blockOf(Buffer.from(`${line}\n`)), events as never);
    add(AVC);
    assert.equal(events.length, 0);
    add(SECCOMP.replace('1712345678.123:4711', '1712345679.900:100'));
    assert.equal(events.length, 1);
    add(SECCOMP.replace('1712345678.123:4711', '1712345680.002:101'));
    assert.equal(events.length, 3);
    assert.equal(parser.waiting, 0);
  });

  test('under a steady stream the settled events keep up to within a second of the log', () => {
    const parser = new AuditParser();
    for (let serial = 0; serial < 500; serial++)
      parser.parseLines(
        blockOf(
          Buffer.from(`${AVC.replace('679.001:99', `${700 + Math.floor(serial / 10)}.${serial % 10}00:${serial}`)}\n`),
        ),
        [],
      );
    assert.deepEqual([parser.progress.begun, parser.progress.settled], [500, 490]);
  });

  test('what waits is bounded', () => {
    const lines = Array.from({ length: 10_000 }, (_, serial) => AVC.replace(':99)', `:${serial})`));
    const { events, parser } = parse(`${lines.join('\n')}\n`);
    assert.equal(events.length, 10_000);
    assert.equal(parser.waiting, 0);
  });
});

suite('whatever the bytes', () => {
  const line = fc.oneof(
    fc.constantFrom(SECCOMP, KERNEL, AVC, APPARMOR),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom(
      'type=AVC msg=audit(1.000:2): avc:  denied  {',
      'type=SECCOMP msg=audit(1.000:2): comm="',
      'node=',
      'type=',
    ),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
    fc.array(line, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'), 'latin1')),
    fc
      .tuple(fc.constantFrom(SECCOMP, KERNEL, AVC, APPARMOR), fc.nat(400), fc.string({ unit: 'binary', maxLength: 20 }))
      .map(([text, at, inserted]) => Buffer.from(`${text.slice(0, at)}${inserted}${text.slice(at)}\n`, 'latin1')),
  );

  test('no throw, every line counted, and no more events than lines', () => {
    fc.assert(
      fc.property(bytes, (buffer) => {
        const { events, counts } = parse(buffer);
        assert.equal(counts.lines, buffer.filter((byte) => byte === 0x0a).length);
        assert.ok(events.length <= counts.parsed && counts.parsed + counts.unparsed <= counts.lines);
      }),
      runsOf(5000),
    );
  });

  test('any name and any path come out as they were, and change nothing else', () => {
    const encode = (text: string) => (/^[!#-~]*$/.test(text) ? `"${text}"` : hex(text));
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(name, name, (comm, exe) => {
        const event = one(
          SECCOMP.replace('"nginx"', () => encode(comm)).replace('"/usr/sbin/nginx"', () => encode(exe)),
        );
        assert.deepEqual(event?.process, { pid: 20011, uid: 101, gid: 102, comm, exe });
        assert.deepEqual(event?.seccomp, one(SECCOMP)?.seccomp);
      }),
    );
  });

  test('the same events however the text is cut into blocks', () => {
    const text = Buffer.from(`${[SECCOMP, KERNEL, AVC, APPARMOR, SECCOMP].join('\n')}\n`);
    const whole = parse(text).events;
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), (cuts) => {
        const parser = new AuditParser();
        const events: unknown[] = [];
        let rest = Buffer.alloc(0);
        let from = 0;
        for (const to of [...cuts.sort((a, b) => a - b), text.length]) {
          rest = Buffer.concat([rest, text.subarray(from, to)]);
          rest = rest.subarray(parser.parseLines(blockOf(rest), events as never));
          from = to;
        }
        parser.flush(events as never);
        assert.deepEqual(events, whole);
      }),
    );
  });

  test('a line beyond every record’s length is counted and passed over', () => {
    const { events, counts } = parse(`${SECCOMP.replace('nginx"', `${'A'.repeat(MAX_LINE)}"`)}\n${KERNEL}\n`);
    assert.equal(events.length, 1);
    assert.equal(counts.unparsed, 1);
  });

  test('auditd’s own records have numbers of auditd’s own, which are no gaps in the kernel’s', () => {
    const daemon = 'type=DAEMON_ROTATE msg=audit(1712345678.200:9041): op=rotate-logs auid=0 pid=1 subj=? res=success';
    const { parser } = parse(`${SECCOMP}\n${daemon}\n${SECCOMP.replace(':4711', ':4712')}\n`);
    assert.equal(parser.gaps.missed + parser.gaps.pending, 0);
  });
});
