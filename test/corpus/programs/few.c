// SPDX-License-Identifier: Apache-2.0
/* A program without a libc, for x86_64 and for i386: getppid, mkdir, listen, on x86_64 the x32 getpid, exit_group. */
#ifdef __x86_64__
enum { GETPPID = 110, MKDIR = 83, LISTEN = 50, EXIT_GROUP = 231, X32_GETPID = 0x40000000 | 39 };

static long call(long number, long first, long second)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "rcx", "r11", "memory");
	return result;
}
#else
enum { GETPPID = 64, MKDIR = 39, LISTEN = 363, EXIT_GROUP = 252 };

static long call(long number, long first, long second)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
	return result;
}
#endif

void _start(void);

void _start(void)
{
	static const char path[] = "/tmp/few";

	call(GETPPID, 0, 0);
	call(MKDIR, (long)path, 0700);
	call(LISTEN, -1, 1);
#ifdef __x86_64__
	call(X32_GETPID, 0, 0);
#endif
	call(EXIT_GROUP, 0, 0);
	for (;;)
		;
}
