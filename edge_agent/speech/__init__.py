"""From sound to a sentence: cutting, spotting a stop, transcribing. What it hears goes the way of any typed command.

Pure: `segmenter`, `gate`, `wording`. Each library is one file: `silero` (VAD), `sphinx`, `whisper`, `microphone`,
`resampling`, `espeak`. Native code runs only in the room's three child processes: the ear, the recogniser, the
microphone.
"""
