// Every sentence the player says. The English sentence is the message's name; the page brings the other language's
// texts in `player-config` (elearn/translations/zh/player.po; a test compares the two lists). Places are {named}.

export const MESSAGES = [
  "Play",
  "Pause",
  "Mute",
  "Sound on",
  "Full screen",
  "Leave full screen",
  "Auto",
  "Captions",
  "Captions: {language}",
  "{at} of {whole}",
  "{minutes} min {seconds} s",
  "{seconds} s",
  "{time} final",
  "{time} waiting for a check",
  "{left} left to study",
  "{final}, {waiting}, {left}",
  "Nothing studied yet",
  "Confirmed. This lesson is complete.",
  "Everything is studied. One check makes it final.",
  "Time studied becomes final when you pass a short check.",
  "Opening the lesson …",
  "Loading …",
  "Waiting: the next part opens as your watching gets there.",
  "Tap to play",
  "No network. What you study is kept on this device and sent later.",
  "{count} reports waiting to be sent",
  "Sending what was studied earlier on this device …",
  "You jumped ahead",
  "Only what is studied in order counts, so we went back to where you had got to.",
  "Too fast",
  "This part went by faster than time passed. Go on at normal speed from the marked place.",
  "Continued on another device",
  "The lesson is now open elsewhere. What you studied here before that counts.",
  "Continue here",
  "Out of sight",
  "The lesson ran while this page was hidden or untouched, so that part did not count. Keep the page in front and study it again.",
  "A check was missed",
  "Time since the last passed check does not count. Answer a check, then go on from the marked place.",
  "A limit was reached",
  "There is a limit for one day and for study without network. Connect and go on from the marked place; if today is full, go on tomorrow.",
  "This device could not be confirmed",
  "Its last report did not fit. Reload the page and go on from the marked place. If it happens again, use another browser.",
  "Paused",
  "The lesson pauses when the page is hidden. Press play to go on.",
  "Confirm now",
  "Answer now",
  "{time} still waits for a check",
  "Are you still with us?",
  "One question about what you just studied. More than one answer may be right.",
  "{seconds} seconds left",
  "{count} tries left",
  "1 try left",
  "Send the answer",
  "Mark at least one answer.",
  "Not quite. Look again: one more try.",
  "Right! {time} of this lesson is final.",
  "That was not right. You go back to the last passed check and answer a new question to go on.",
  "The time ran out. You go back to the last passed check and answer a new question to go on.",
  "Type the six digits of the message.",
  "The message can take a minute.",
  "Send the code",
  "That is not the code. One more try.",
  "We sent a code to your phone {phone}.",
  "Code of six digits",
  "No picture and no fingerprint leaves this device.",
  "Confirm with your fingerprint, your face or the code of your screen lock.",
  "Confirm with this device",
  "That was not confirmed. Try again, or choose another way.",
  "This device could not confirm it. One more try.",
  "Answer a question instead",
  "Get a code by text message instead",
  "Use the phone's lock instead",
  "This browser cannot confirm in the way that is asked for. Use another one.",
  "New question",
  "Go on",
  "Close",
  "There is nothing to confirm at the moment.",
  "Lesson complete",
  "All {time} of this lesson is final and goes into your record.",
  "Next lesson",
  "Back to the course",
  "Study again",
  "This browser cannot open the lesson",
  "The page must be opened over a secure connection (https). Ask whoever gave you the address.",
  "The lesson needs a newer browser. Update it, or open this page in another one.",
  "The lesson cannot be opened",
  "The video cannot be played at the moment.",
  "Try again",
  "Please sign in again",
  "What you studied is kept on this device. Sign in to go on.",
  "Sign in",
  "This page is out of date",
  "Reload the page to go on. What you studied is kept on this device.",
  "Reload",
  "Storage is off",
  "What you study cannot be kept when this page closes: the browser's storage is off. Stay online.",
  "Download",
  "Download ({size})",
  "{megabytes} MB",
  "{gigabytes} GB",
  "For study where there is no network. Best done over Wi-Fi.",
  "Downloading: {percent} %. Keep this page open.",
  "Stop",
  "Go on downloading",
  "The download broke off. What is here stays; go on when there is a network.",
  "There is not enough room on this device: {size} are needed.",
  "Plays without network until {date}. Open it and press play once before you go offline.",
  "On this device, but too old to play without network. Connect once to renew it.",
  "Too old to play: connect once to renew it.",
  "Remove from this device?",
  "Connect once",
  "Without network a lesson goes on where it was opened before. Connect and press play once; then it plays without network for some hours.",
  "This download is too old",
  "It is renewed as soon as there is a network. What you watched stays.",
  "Connect to confirm",
  "You have studied as much as counts without network in one go. It is kept on this device. Connect: it is sent, you confirm it, and go on.",
  "{time} more can be studied before you connect.",
  "This lesson is open in another page of this browser. Go on there, or close it.",
  "This browser signs nothing",
  "Study counts here, but proves less. A newer browser, or this page over https, is better.",
  "Begin reading",
  "Go on reading",
  "Page {number} of {count}",
  "{time} of this page still to be counted",
  "This page is counted.",
  "Next page",
  "The next page opens when this one is counted.",
  "Still reading?",
  "You had not touched the page for five minutes, so counting stopped. Touch it to go on.",
  "The page can be turned when there is a network. What you read is kept on this device.",
  "The page cannot be shown",
  "The network is too weak to load the player. What you studied is kept. Try again where it is better.",
  "{size} on this device",
  "{used} of {quota} of this browser's room are used",
  "Nothing waits to be sent.",
  "{time} of study wait to be sent. They go when you open a lesson with a network.",
  "This browser keeps no lessons: that needs a secure connection (https) and a newer browser.",
  "Remove",
] as const;

export type Message = (typeof MESSAGES)[number];

let texts: Readonly<Record<string, string>> = {};

export function useTexts(given: Readonly<Record<string, string>>): void {
  texts = given;
}

/** `message` in the page's language, with its {places} filled. */
export function t(message: Message, facts: Readonly<Record<string, string | number>> = {}): string {
  const text = texts[message] ?? message;
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(facts[name] ?? place));
}

/** Milliseconds as a person reads them, rounded down: "12 min 5 s". */
export function duration(ms: number): string {
  const whole = Math.floor(ms / 1000);
  const minutes = Math.floor(whole / 60);
  const seconds = whole % 60;
  return minutes > 0 ? t("{minutes} min {seconds} s", { minutes, seconds }) : t("{seconds} s", { seconds });
}

/** Bytes as a person reads them. */
export function size(bytes: number): string {
  const megabytes = bytes / 1_000_000;
  if (megabytes >= 1000) return t("{gigabytes} GB", { gigabytes: Math.floor(megabytes / 100) / 10 });
  return t("{megabytes} MB", { megabytes: megabytes < 10 ? Math.ceil(megabytes * 10) / 10 : Math.ceil(megabytes) });
}

/** Milliseconds on the clock face: "12:05". */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}
