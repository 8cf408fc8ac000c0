// SPDX-License-Identifier: Apache-2.0
/* What spawn.c executes, linked statically: as little as a program can do. */
int main(void)
{
	return 0;
}
