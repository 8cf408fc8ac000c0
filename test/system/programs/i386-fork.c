// SPDX-License-Identifier: Apache-2.0
/*
 * A 32-bit program without a libc. One child stays a 32-bit process: its 20 is getpid here and writev on x86_64, its 199
 * is getuid32 and fremovexattr. The other executes the 64-bit program of its first argument.
 */
enum { EXIT = 1, FORK = 2, WAITPID = 7, EXECVE = 11, GETPID = 20, GETUID32 = 199 };

static int call(int number, int first, int second, int third)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory");
	return result;
}

static int wait_for(int pid)
{
	int status = 1;

	return call(WAITPID, pid, (int)&status, 0) == pid ? status : 1;
}

static void run(int argc, char **argv)
{
	int failed, pid = call(FORK, 0, 0, 0);

	if (pid == 0) {
		call(GETPID, 0, 0, 0);
		call(GETUID32, 0, 0, 0);
		call(EXIT, 0, 0, 0);
	}
	failed = wait_for(pid);
	pid = argc > 1 ? call(FORK, 0, 0, 0) : -1;
	if (pid == 0) {
		call(EXECVE, (int)argv[1], (int)(argv + 1), 0);
		call(EXIT, 127, 0, 0);
	}
	call(EXIT, failed || pid < 0 || wait_for(pid), 0, 0);
}

/* On entry the stack holds argc, then argv. */
__attribute__((used)) static void begin(int *stack)
{
	run(stack[0], (char **)(stack + 1));
}

void _start(void);
__asm__(".globl _start\n_start: movl %esp, %eax\n and $-16, %esp\n sub $12, %esp\n push %eax\n call begin\n hlt\n");
