#!/usr/bin/env python3
"""The records expected of the logs: oracle.py [--show] [LOG...] writes LOG without `.log` + `.expected.jsonl`.

Two readings that know nothing of each other must agree: the audit project's auparse (which finds events, fields and
encodings, and names calls and machines) and the strict patterns below, one for each kind of record. What auparse is
known to get wrong is told where it is compared; what is written are the patterns' readings. Exits with 1 where the two differ.
"""
import datetime
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

if 'CORPUS_LIBRARIES' not in os.environ:
    root = subprocess.run([f'{HERE}/packages.sh'], check=True, capture_output=True, text=True).stdout.strip()
    paths = f'{root}/lib/x86_64-linux-gnu:{root}/usr/lib/x86_64-linux-gnu'
    os.environ.update(
        CORPUS_LIBRARIES=root, LD_LIBRARY_PATH=paths, PYTHONPATH=f'{root}/usr/lib/python3/dist-packages', LC_ALL='C.UTF-8',
    )
    os.execv('/usr/bin/python3', ['python3', os.path.abspath(__file__), *sys.argv[1:]])

import auparse  # noqa: E402

UNSET = 4294967295
X32 = 0x40000000
ACTIONS = {
    0x7FFC0000: 'log', 0x50000: 'errno', 0x30000: 'trap', 0x80000000: 'kill_process', 0: 'kill_thread', 0x7FC00000: 'user_notif',
    0x7FF00000: 'trace',
}
# auparse's own words. 3.0 masks the highest bit away and says `kill` of both kills.
AUPARSE_ACTIONS = {'kill_process': 'kill', 'kill_thread': 'kill', 'user_notif': 'user-notify'}

# The beginnings of lines. auditd's:
AUDITD = re.compile(r'(?:node=\S+ )?type=(?P<type>\S+) msg=audit\((?P<time>\d+\.\d{3}):(?P<serial>\d+)\): (?P<body>.*)', re.S)
# And what comes before the kernel's `audit: type=`; nothing but the kernel is believed.
MONTH = r'[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d'
STAMP = r'\[ *\d+\.\d{6}\] '
KERNEL_PREFIXES = [
    STAMP,  # dmesg
    r'<\d+>' + STAMP,  # dmesg -r
    r'kern  :[a-z]+ *: ' + STAMP,  # dmesg -x
    r'\[[A-Z][a-z]{2} ' + MONTH + r' \d{4}\] ',  # dmesg -T
    MONTH + r' \S+ (?:kern\.[a-z]+ )?kernel: (?:' + STAMP + ')?',  # rsyslog until Debian 11, busybox, journalctl
    r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:?\d\d \S+ kernel: (?:' + STAMP + ')?',  # rsyslog, journalctl -o short-iso
]
KERNEL = re.compile(
    '(?:' + '|'.join(KERNEL_PREFIXES) + r')audit: type=(?P<type>\d+) audit\((?P<time>\d+\.\d{3}):(?P<serial>\d+)\): (?P<body>.*)', re.S)
NAMES = {'1326': 'SECCOMP', '1400': 'AVC', '1300': 'SYSCALL', '1302': 'PATH'}

# An untrusted string: quoted where nothing in it needs encoding, else hexadecimal; `(null)` bare is none.
TEXT = r'(?:"[^"\x00-\x20\x7f-\xff]*"|[0-9A-F]+|\(null\))'
SECCOMP = re.compile(
    r'auid=(?P<auid>\d+) uid=(?P<uid>\d+) gid=(?P<gid>\d+) ses=\d+(?: subj=.*)? pid=(?P<pid>\d+) '
    rf'comm=(?P<comm>{TEXT}|"") exe=(?P<exe>{TEXT}) sig=\d+ arch=(?P<arch>[0-9a-f]+) syscall=(?P<number>\d+) compat=[01] '
    r'ip=0x[0-9a-f]+ code=0x(?P<code>[0-9a-f]+)', re.S)
SELINUX = re.compile(
    rf'avc:  (?P<verdict>denied|granted)  {{ (?P<permissions>[a-z0-9_ ]+) }} for  pid=(?P<pid>\d+) comm=(?P<comm>{TEXT})'
    rf'(?: capability=\d+ )?(?: path=(?P<path>{TEXT}))?(?: name=(?P<name>{TEXT}))?(?: dev="[^"]*")?(?: ino=(?P<ino>\d+))?'
    r'(?: ioctlcmd=0x[0-9a-f]+)?(?: (?:dest|src|lport|daddr|laddr|saddr)=\S+)*'
    r' scontext=(?P<scontext>\S+) tcontext=(?P<tcontext>\S+) tclass=(?P<class>\w+)(?: permissive=(?P<permissive>[01]))?')
# AppArmor's parts: its own texts in quotes, untrusted ones as above, bare words.
PART = re.compile(rf' *(?P<key>[a-z_]+)=(?P<value>{TEXT}|"[^"]*"|[^\s"]+)')
SYSCALL = re.compile(
    r'arch=\S+ .*? pid=(?P<pid>\d+) auid=(?P<auid>\d+) uid=(?P<uid>\d+) gid=(?P<gid>\d+) euid=\d+ .*? '
    rf'comm=(?P<comm>{TEXT}|"") exe=(?P<exe>{TEXT}) (?:subj=.* )?key=(?:{TEXT})', re.S)
# inode= is missing where the file was not looked up or is not there.
PATH = re.compile(rf'item=\d+ name=(?P<name>{TEXT}|"")(?: inode=(?P<inode>\d+))? .*', re.S)

# A context is written as it is: with this profile's name in it auparse takes `exe=/bin/sh pid=1 comm="x` for the record's.
MISREAD = 'subj=q" exe=/bin/sh pid=1 comm="x pid='
differences = []


def text(raw):
    """The text of an untrusted string, or None."""
    if raw is None or raw == '(null)':
        return None
    if raw.startswith('"'):
        return raw[1:-1]
    return bytes.fromhex(raw).decode('utf-8', 'replace')


def names(machine):
    listed = subprocess.run(
        [f'{os.environ["CORPUS_LIBRARIES"]}/usr/bin/ausyscall', machine, '--dump'], check=True, capture_output=True, text=True)
    return {int(number): name for number, name in (line.split('\t') for line in listed.stdout.splitlines()[1:])}


CALLS = {machine: names(machine) for machine in ('x86_64', 'i386', 'aarch64', 'arm')}
MACHINES = {'c000003e': 'x86_64', '40000003': 'i386', 'c00000b7': 'aarch64', '40000028': 'arm'}


def drop(**parts):
    return {key: value for key, value in parts.items() if value is not None}


def identity(value):
    return None if value is None or int(value) == UNSET else int(value)


def process(own, call):
    """The process, where `own` are the record's own parts and `call` those of the SYSCALL record, if any."""
    call = call or {}
    return drop(
        pid=int(own['pid']) if own.get('pid') else None,
        uid=identity(own.get('uid', call.get('uid'))), gid=identity(own.get('gid', call.get('gid'))),
        auid=identity(own.get('auid', call.get('auid'))),
        comm=text(own.get('comm') or call.get('comm')), exe=text(own.get('exe') or call.get('exe')))


def seccomp(body):
    found = SECCOMP.fullmatch(body).groupdict()
    machine, number = MACHINES[found['arch']], int(found['number'])
    if machine == 'x86_64' and number & X32:
        machine, number = 'x32', number & ~X32
    # x32 has the 64-bit numbers up to 511; ausyscall knows no others of its.
    assert machine != 'x32' or number < 512
    name = CALLS['x86_64' if machine == 'x32' else machine].get(number)
    return found, drop(syscall=name, number=number, arch=machine, action=ACTIONS[int(found['code'], 16)])


def selinux(body, paths):
    found = SELINUX.fullmatch(body).groupdict()
    path = text(found['path'])
    if path is None and found['name'] is not None:
        for each in paths:
            name = text(each['name'])
            if each['inode'] == found['ino'] and name and name.startswith('/'):
                path = name
                break
    return found, drop(
        verdict=found['verdict'], permissions=found['permissions'].split(), **{'class': found['class']},
        scontext=found['scontext'], tcontext=found['tcontext'],
        permissive=None if found['permissive'] is None else found['permissive'] == '1', path=path)


def apparmor(body):
    parts, at = {}, 0
    while at < len(body):
        found = PART.match(body, at)
        assert found and found['key'] not in parts, body
        parts[found['key']] = found['value']
        at = found.end()
    return parts, drop(
        verdict=text(parts['apparmor']), operation=text(parts.get('operation')), profile=text(parts.get('profile')),
        name=text(parts.get('name')), requested=text(parts.get('requested_mask')), denied=text(parts.get('denied_mask')),
        capability=text(parts.get('capname')), family=text(parts.get('family')), sockType=text(parts.get('sock_type')),
        peer=text(parts.get('peer')))


def read_lines(log):
    """(line number, type, time, serial, body) of each record, and whether the file is auditd's."""
    raw = open(log, 'rb').read().decode('utf-8', 'surrogateescape')
    lines = raw.split('\n')
    ours = log.startswith((f'{HERE}/kernel-', f'{HERE}/journal')) or log.endswith('-printk.log')
    records = []
    for index, line in enumerate(lines):
        found = (KERNEL if ours else AUDITD).fullmatch(line)
        if found:
            # What an enriching auditd adds comes after the last of its separators.
            body = found['body'] if ours else found['body'].rsplit('\x1d', 1)[0]
            records.append((index, NAMES.get(found['type'], found['type']), found['time'], int(found['serial']), body))
        elif not ours and line:
            raise SystemExit(f'{log}:{index + 1}: not a record: {line}')
    return lines, records, ours


def expected(log):
    lines, records, ours = read_lines(log)
    events = {}
    for record in records:
        events.setdefault(record[2:4], []).append(record)
    result, seen = [], {}
    for index, kind, time, serial, body in records:
        if kind not in ('SECCOMP', 'AVC'):
            continue
        of_event = events[time, serial]
        calls = [SYSCALL.fullmatch(each[4]).groupdict() for each in of_event if each[1] == 'SYSCALL']
        paths = [PATH.fullmatch(each[4]).groupdict() for each in of_event if each[1] == 'PATH']
        if kind == 'SECCOMP':
            sort = 'seccomp'
            own, details = seccomp(body)
        elif body.startswith('avc:  '):
            sort = 'selinux'
            own, details = selinux(body, paths)
        else:
            sort = 'apparmor'
            own, details = apparmor(body)
        part = seen.get((time, serial), 0)
        seen[time, serial] = part + 1
        seconds, milliseconds = time.split('.')
        stamp = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')
        event = {'time': f'{stamp}.{milliseconds}Z', 'serial': serial}
        if part:
            event['part'] = part
        event.update({'type': sort, 'process': process(own, calls[0] if calls else None), sort: details})
        result.append((index, event))
    return lines, records, ours, result


# --- auparse's reading, of the same shape as far as it goes

def auparse_events(log, lines, records, ours):
    if ours:
        source = ''.join(
            f'type={kind if not kind.isdigit() else f"UNKNOWN[{kind}]"} msg=audit({time}:{serial}): {body}\n'
            for _, kind, time, serial, body in records)
        parser = auparse.AuParser(auparse.AUSOURCE_BUFFER, source)
    else:
        parser = auparse.AuParser(auparse.AUSOURCE_FILE, log)
    parser.set_escape_mode(auparse.AUPARSE_ESC_RAW)
    found = {}
    while parser.parse_next_event():
        stamp = parser.get_timestamp()
        key = (f'{stamp.sec}.{stamp.milli:03d}', stamp.serial)
        parser.first_record()
        while True:
            fields, more = [], parser.first_field()
            while more:
                try:
                    name, raw = parser.get_field_name(), parser.get_field_str()
                except UnicodeDecodeError:
                    name, raw = parser.get_field_name(), None
                try:
                    value = parser.interpret_field()
                except (UnicodeDecodeError, OSError):
                    value = None
                fields.append((name, raw, value))
                more = parser.next_field()
            found.setdefault(key, []).append((parser.get_type_name(), fields))
            if not parser.next_record():
                break
    return found


def differ(log, serial, field, ours, theirs, raw=None):
    if ours != theirs:
        differences.append((os.path.basename(log), serial, field, ours, theirs, raw))


def untrusted(raw):
    """The text of what auparse says the raw field is."""
    return text(raw) if raw is not None and re.fullmatch(TEXT + '|""', raw) else raw


def compare(log, lines, records, ours, result):
    theirs = auparse_events(log, lines, records, ours)
    compared = 0
    for index, event in result:
        key, body = next((record[2:4], record[4]) for record in records if record[0] == index)
        if MISREAD in body:
            continue
        kind = 'SECCOMP' if event['type'] == 'seccomp' else 'AVC'
        candidates = [fields for name, fields in theirs.get(key, []) if name == kind]
        if event.get('part', 0) >= len(candidates):
            differ(log, event['serial'], 'record', 'there', 'absent')
            continue
        fields = candidates[event.get('part', 0)]
        compared += 1
        value, raw = {}, {}
        for name, own, interpreted in fields:
            if name not in raw:
                value[name], raw[name] = interpreted, own
        call = next((fields for name, fields in theirs[key] if name == 'SYSCALL'), None)
        if call:
            for name, own, interpreted in call:
                if name in ('uid', 'gid', 'auid', 'exe', 'comm') and name not in raw:
                    value[name], raw[name] = interpreted, own

        def same(field, mine, key, convert=lambda each: each):
            differ(log, event['serial'], field, mine, convert(raw[key]) if key in raw else None, raw.get(key))

        def decoded(field, mine, key):
            own = untrusted(raw[key]) if key in raw else None
            differ(log, event['serial'], field, mine, own, raw.get(key))
            # auparse's own decoding, which ends at a NUL, cannot say what is no UTF-8, and says ? for an empty text.
            if key in value and value[key] is not None and mine is not None and '\0' not in mine and mine:
                differ(log, event['serial'], f'{field} (interpreted)', mine, value[key], raw.get(key))

        who = event['process']
        same('pid', who.get('pid'), 'pid', int)
        for each in ('uid', 'gid', 'auid'):
            same(each, who.get(each), each, lambda own: None if int(own) == UNSET else int(own))
        decoded('comm', who.get('comm'), 'comm')
        decoded('exe', who.get('exe'), 'exe')
        details = event[event['type']]
        if event['type'] == 'seccomp':
            differ(log, event['serial'], 'action', AUPARSE_ACTIONS.get(details['action'], details['action']), value['code'], raw['code'])
            if details['arch'] == 'x32':
                differ(log, event['serial'], 'arch', 'x86_64', value['arch'])
                differ(log, event['serial'], 'number', details['number'] | X32, int(raw['syscall']))
            else:
                differ(log, event['serial'], 'arch', details['arch'], value['arch'])
                # It looks for these by their places, which it does not know of where no LSM gives a subj=.
                if 'subj' in raw:
                    differ(log, event['serial'], 'syscall', details.get('syscall'), value['syscall'])
                differ(log, event['serial'], 'number', details['number'], int(raw['syscall']))
        elif event['type'] == 'selinux':
            differ(log, event['serial'], 'verdict', details['verdict'], value.get('seresult'))
            differ(log, event['serial'], 'permissions', ','.join(details['permissions']), value.get('seperms'))
            for field, key in (('class', 'tclass'), ('scontext', 'scontext'), ('tcontext', 'tcontext')):
                differ(log, event['serial'], field, details[field], value.get(key))
            differ(log, event['serial'], 'permissive', details.get('permissive'),
                   {'1': True, '0': False}.get(raw.get('permissive')))
            if 'path' in raw:
                decoded('path', details.get('path'), 'path')
        else:
            for field, key in (('verdict', 'apparmor'), ('operation', 'operation'), ('profile', 'profile'), ('name', 'name'),
                               ('requested', 'requested_mask'), ('denied', 'denied_mask'), ('capability', 'capname'),
                               ('family', 'family'), ('sockType', 'sock_type'), ('peer', 'peer')):
                same(field, details.get(field), key, untrusted)
    return compared


def main():
    arguments = sys.argv[1:]
    show = '--show' in arguments
    logs = [os.path.abspath(each) for each in arguments if each != '--show']
    for log in logs or sorted(each for each in glob.glob(f'{HERE}/*.log') if not os.path.basename(each).startswith('forged-')):
        lines, records, ours, result = expected(log)
        compared = compare(log, lines, records, ours, result)
        with open(log.removesuffix('.log') + '.expected.jsonl', 'w', encoding='utf-8') as out:
            for index, event in result:
                out.write(json.dumps(event, ensure_ascii=False, separators=(',', ':')) + '\n')
                if show:
                    print(f'\n{lines[index].encode("utf-8", "surrogateescape").decode("utf-8", "replace")!r}')
                    print('   ', json.dumps(event, ensure_ascii=False))
        kinds = [event['type'] for _, event in result]
        print(os.path.basename(log), len(lines) - 1, 'lines', *(f'{kinds.count(kind)} {kind}' for kind in sorted(set(kinds))),
              f'(auparse compared: {compared})')
    for each in differences:
        print('auparse differs:', *(repr(part) for part in each))
    sys.exit(1 if differences else 0)


main()
