"""What people are told: once for each cause, in the application, by text message, by e-mail.

messages, wording     a kind and its facts; the words of it in the reader's language
reminding             pure: which reminder is due on which day, and when a phone may ring
reminders, jobs       everybody is reminded, every hour
meetings              who is expected at a session on site is told, and when it is cancelled
phones                whose phone can be rung up, and what goes there as it stands in the application
inviting              who never signed in is told how to
sending, emailing     the outbox: queued with the rows it is about, sent later, tried again
"""
