/*
 * wan_hub ONE_WAY_MS LOSS_PERCENT BUFFER_MS UP:DOWN...
 *
 * A star of hosts with slow links, in user space, for kernels without netem. Each UP:DOWN, in Mbit/s, is one
 * host: a network namespace of its own with 10.79.0.N/24 on a TUN device. Its uplink and its downlink carry
 * so many bits a second (0: no limit), with a drop-tail buffer of BUFFER_MS; between two hosts a packet takes
 * ONE_WAY_MS more, and is lost with LOSS_PERCENT.
 *
 * Prints, for each host, the id of a process in its namespace, then reads its standard input and ends with
 * it; the namespaces and the devices go with it. Needs root.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { HOSTS_MOST = 64, QUEUE_SLOTS = 1 << 15, PACKET_MOST = 65536, READS_PER_TURN = 64 };

struct packet {
  double due; /* when its last bit arrives, in seconds */
  int length;
  unsigned char *bytes;
};

struct host {
  pid_t keeper; /* holds the namespace open */
  int tun;
  double up, down;           /* bytes per second; 0 is no limit */
  double up_free, down_free; /* when the link has sent what is queued for it */
  struct packet *queue;      /* on their way to this host, in the order of `due` */
  unsigned head, tail;
};

static struct host hosts[HOSTS_MOST];
static int host_count;
static double delay, loss, buffer;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

/* Starts a process that does nothing in a network namespace of its own, for as long as this one lives. */
static pid_t start_keeper(void) {
  int ready[2];
  if (pipe(ready)) die("pipe");
  pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET)) die("unshare");
    if (write(ready[1], "", 1) != 1) exit(1);
    /* Whoever reads this program's output waits for its end. */
    for (int fd = 0; fd < 3; fd++) close(fd);
    for (;;) pause();
  }
  char byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1) exit(1);
  close(ready[0]);
  return pid;
}

/* Makes the device of a host in its namespace, and returns to the namespace `home`. */
static int open_tun(pid_t keeper, int number, int home) {
  char path[64], command[256];
  snprintf(path, sizeof path, "/proc/%d/ns/net", keeper);
  int namespace = open(path, O_RDONLY);
  if (namespace < 0 || setns(namespace, CLONE_NEWNET)) die(path);
  close(namespace);
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "wan0"};
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request)) die("/dev/net/tun");
  snprintf(command, sizeof command,
           "ip link set lo up && ip address add 10.79.0.%d/24 dev wan0 && "
           "ip link set wan0 mtu 1500 txqueuelen 20000 up",
           number);
  if (system(command)) exit(1);
  if (setns(home, CLONE_NEWNET)) die("setns");
  return tun;
}

static void add_host(const char *rates, int home) {
  struct host *host = &hosts[host_count++];
  double up, down;
  if (sscanf(rates, "%lf:%lf", &up, &down) != 2) exit(2);
  host->up = up * 1e6 / 8;
  host->down = down * 1e6 / 8;
  host->queue = calloc(QUEUE_SLOTS, sizeof *host->queue);
  host->keeper = start_keeper();
  host->tun = open_tun(host->keeper, host_count, home);
  printf("%d\n", host->keeper);
}

/*
 * The time at which a link has sent a packet that reaches it at `time`; negative if its buffer is full.
 * `free_at` is when the link is through with what came before.
 */
static double send_over(double *free_at, double rate, double time, int length) {
  if (rate == 0) return time;
  if (*free_at < time) *free_at = time;
  if (*free_at - time > buffer) return -1;
  return *free_at += length / rate;
}

/* The host that an IPv4 packet is for; NULL if there is none. */
static struct host *receiver_of(const unsigned char *bytes, int length) {
  if (length < 20 || bytes[0] >> 4 != 4) return NULL;
  int number = bytes[19] - 1;
  int ours = bytes[16] == 10 && bytes[17] == 79 && bytes[18] == 0;
  return ours && number >= 0 && number < host_count ? &hosts[number] : NULL;
}

static void take(struct host *from, const unsigned char *bytes, int length) {
  struct host *to = receiver_of(bytes, length);
  if (!to || to == from) return;
  double sent = send_over(&from->up_free, from->up, now(), length);
  if (sent < 0 || drand48() < loss || to->tail - to->head == QUEUE_SLOTS) return;
  double due = send_over(&to->down_free, to->down, sent + delay, length);
  if (due < 0) return;
  struct packet *packet = &to->queue[to->tail % QUEUE_SLOTS];
  packet->bytes = malloc(length);
  if (!packet->bytes) die("malloc");
  memcpy(packet->bytes, bytes, length);
  packet->length = length;
  packet->due = due;
  /* With no limit at its end, packets of two senders may be due in another order than they were sent. */
  for (unsigned at = to->tail++; at > to->head; at--) {
    struct packet *later = &to->queue[at % QUEUE_SLOTS], *earlier = &to->queue[(at - 1) % QUEUE_SLOTS];
    if (earlier->due <= later->due) break;
    struct packet swapped = *earlier;
    *earlier = *later;
    *later = swapped;
  }
}

/* Hands over what has arrived; returns when the next packet will. */
static double deliver(void) {
  double time = now(), next = time + 0.5;
  for (int i = 0; i < host_count; i++) {
    struct host *host = &hosts[i];
    for (; host->head != host->tail; host->head++) {
      struct packet *packet = &host->queue[host->head % QUEUE_SLOTS];
      if (packet->due > time) {
        if (packet->due < next) next = packet->due;
        break;
      }
      /* A device whose queue is full loses the packet, as a real one does. */
      if (write(host->tun, packet->bytes, packet->length) < 0) {}
      free(packet->bytes);
    }
  }
  return next;
}

int main(int argc, char **argv) {
  if (argc < 5 || argc - 4 > HOSTS_MOST) {
    fprintf(stderr, "usage: wan_hub ONE_WAY_MS LOSS_PERCENT BUFFER_MS UP_MBIT:DOWN_MBIT...\n");
    return 2;
  }
  delay = atof(argv[1]) / 1e3;
  loss = atof(argv[2]) / 100;
  buffer = atof(argv[3]) / 1e3;
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  for (int i = 4; i < argc; i++) add_host(argv[i], home);
  fclose(stdout);

  struct pollfd polled[HOSTS_MOST + 1] = {{.fd = 0, .events = POLLIN}};
  for (int i = 0; i < host_count; i++) polled[i + 1] = (struct pollfd){.fd = hosts[i].tun, .events = POLLIN};
  srand48(7); /* the same losses in every run */
  /* A link whose program waits for a processor would be slower than it says. */
  struct sched_param priority = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  static unsigned char bytes[PACKET_MOST];
  for (;;) {
    double wait = deliver() - now();
    if (wait < 0) wait = 0;
    struct timespec timeout = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (time_t)wait) * 1e9)};
    ppoll(polled, host_count + 1, &timeout, NULL);
    if (polled[0].revents && read(0, bytes, sizeof bytes) <= 0) return 0;
    for (int i = 0; i < host_count; i++) {
      for (int reads = 0; reads < READS_PER_TURN; reads++) {
        int length = read(hosts[i].tun, bytes, sizeof bytes);
        if (length <= 0) break;
        take(&hosts[i], bytes, length);
      }
    }
  }
}
