"""What an enterprise can show of its people's training: one person, one file; a unit's year; an inspector's link.

person, enterprise    the files, signed, with the log's leaves; an enterprise's is made by a job and kept a week
papers                the same as PDF and workbook, values in
inspecting            a link that shows a node until a day, each look recorded
models                copies that wait, and who took one away
"""
