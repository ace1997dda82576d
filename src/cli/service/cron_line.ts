/** Calendar expressions that have names (systemd.time(7)), as cron has them. */
const NAMED: Record<string, string> = {
  minutely: "* * * * *",
  hourly: "0 * * * *",
  daily: "0 0 * * *",
  weekly: "0 0 * * 1",
  monthly: "0 0 1 * *",
  quarterly: "0 0 1 1,4,7,10 *",
  semiannually: "0 0 1 1,7 *",
  yearly: "0 0 1 1 *",
  annually: "0 0 1 1 *",
};

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `[Mon..Fri] [*-*-*] HH:MM[:00]`, where HH is `*` or a number, and MM also `0/15`. */
const SIMPLE =
  /^(?:(?<days>[A-Za-z,.]+)\s+)?(?:\*-\*-(?<date>\*|\d{1,2})\s+)?(?<hour>\*|\d{1,2}):(?<minute>\d{1,2})(?:\/(?<step>\d{1,2}))?(?::00)?$/;

/**
 * The line for crontab(5) that runs a command when a timer with that calendar expression would;
 * undefined when cron has no words for it.
 */
export function cronLine(calendar: string, command: string[]): string | undefined {
  const schedule = cronSchedule(calendar.trim());
  // In a crontab, a bare percent sign ends the command.
  return schedule && `${schedule}  ${command.map(shellWord).join(" ").replaceAll("%", "\\%")}`;
}

function cronSchedule(calendar: string): string | undefined {
  const named = NAMED[calendar.toLowerCase()];
  if (named) return named;
  const parts = SIMPLE.exec(calendar)?.groups;
  if (!parts) return undefined;
  const { date = "*", hour, minute, step } = parts;
  if (Number(hour) > 23 || Number(minute) > 59 || date !== "*" && !inMonth(Number(date))) return;
  const days = parts.days === undefined ? "*" : cronDays(parts.days);
  // Where both are said, cron means either, systemd both.
  if (days === undefined || days !== "*" && date !== "*") return undefined;
  if (step !== undefined && !(Number(step) > 0)) return undefined;
  const minutes = step === undefined
    ? String(Number(minute))
    : `${Number(minute)}-59/${Number(step)}`;
  return [minutes, hour === "*" ? "*" : Number(hour), date === "*" ? "*" : Number(date), "*", days]
    .join(" ");
}

function inMonth(day: number): boolean {
  return day >= 1 && day <= 31;
}

/** `Mon..Fri,Sun` as cron has it: `1-5,0`. */
function cronDays(text: string): string | undefined {
  const ranges = text.split(",").map((range) => {
    const days = range.split("..").map((day) =>
      DAYS.findIndex((name) => day.slice(0, 3).toLowerCase() === name.toLowerCase())
    );
    const [first, last] = days;
    if (days.length > 2 || days.includes(-1)) return undefined;
    // A week ends with Sunday: to cron that is 7 there.
    return last === undefined ? `${first}` : `${first}-${last === 0 ? 7 : last}`;
  });
  return ranges.includes(undefined) ? undefined : ranges.join(",");
}

/** A word that a POSIX shell reads as it is. */
export function shellWord(word: string): string {
  return /^[\w@:./=,+%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
