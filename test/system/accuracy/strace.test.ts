import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStrace } from './strace.ts';

// As strace 6.1 wrote them, arguments shortened.
const SNIPPETS: readonly { title: string; text: string; calls: readonly string[] }[] = [
  {
    title: 'the first execve is not the program’s, a later one is',
    text: `
720 [  59] execve("/usr/bin/sh", ["sh"], 0x7ffeb6993cf0 /* 35 vars */) = 0
720 [  12] brk(NULL)                    = 0x55c7a6a0d000
721 [  59] execve("/root/bin/ls", ["ls"], 0x5597eccd7ce8 /* 35 vars */) = -1 ENOENT (No such file or directory)
`,
    calls: ['x86_64:12', 'x86_64:59'],
  },
  {
    title: 'a call that was interrupted in the output counts once, under the number where it began',
    text: `
720 [  59] execve("/usr/bin/sh", ["sh"], 0x7ffeb6993cf0 /* 35 vars */) = 0
720 [  56] clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>
721 [ 273] set_robust_list(0x7f0, 24 <unfinished ...>
720 [  56] <... clone resumed>, child_tidptr=0x7f0) = 721
721 [ 273] <... set_robust_list resumed>) = 0
`,
    calls: ['x86_64:56', 'x86_64:273'],
  },
  {
    title: 'signals and ends of processes are no calls, although they bear the number of one',
    text: `
735 [  59] execve("/usr/bin/timeout", ["timeout"], 0x7ffeb6993cf0 /* 35 vars */) = 0
735 [  59] --- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER} ---
735 [  62] kill(736, SIGSTOP)           = 0
735 [  62] --- stopped by SIGSTOP ---
735 [ 130] +++ killed by SIGKILL +++
`,
    calls: ['x86_64:62'],
  },
  {
    title: 'a 32-bit program: 5 is open, not fstat',
    text: `
710 [  59] execve("./i386", ["./i386"], 0x7ffd2e732a68 /* 35 vars */) = 0
710 [  59] [ Process PID=710 runs in 32 bit mode. ]
710 [   5] open("/proc/self/stat", O_RDONLY) = 3
`,
    calls: ['i386:5'],
  },
  {
    title: 'a child of a 32-bit process, whose mode is not announced',
    text: `
759 [  59] execve("./f32", ["./f32"], 0x7ffd9bcf6d68 /* 35 vars */) = 0
759 [  59] [ Process PID=759 runs in 32 bit mode. ]
759 [   2] fork( <unfinished ...>
760 [  20] getpid( <unfinished ...>
759 [   2] <... fork resumed>)            = 760
760 [  20] <... getpid resumed>)          = 760
`,
    calls: ['i386:2', 'i386:20'],
  },
  {
    title: 'a 32-bit process that executes a 64-bit program',
    text: `
759 [  59] execve("./f32", ["./f32"], 0x7ffd9bcf6d68 /* 35 vars */) = 0
759 [  59] [ Process PID=759 runs in 32 bit mode. ]
759 [  11] execve("/bin/true", ["/bin/true"], NULL) = 0
759 [  11] [ Process PID=759 runs in 64 bit mode. ]
759 [  12] brk(NULL)                    = 0x55c7a6a0d000
`,
    calls: ['i386:11', 'x86_64:12'],
  },
  {
    title: 'an x32 call between native ones',
    text: `
715 [  59] execve("./x32", ["./x32"], 0x7ffd9bcf6d68 /* 35 vars */) = 0
715 [  11] munmap(0x7f2228a02000, 37275) = 0
715 [  11] [ Process PID=715 runs in x32 mode. ]
715 [1073741863] getpid()             = -1 ENOSYS (Function not implemented)
715 [1073741863] [ Process PID=715 runs in 64 bit mode. ]
715 [ 231] exit_group(2)              = ?
`,
    calls: ['x86_64:11', 'x32:39', 'x86_64:231'],
  },
];

for (const { title, text, calls } of SNIPPETS)
  test(`strace's output: ${title}`, { skip: process.arch !== 'x64' && 'the snippets are of x86_64' }, () => {
    assert.deepEqual([...parseStrace(text)].sort(), [...calls].sort());
  });
