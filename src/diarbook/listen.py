"""What a reader hears: a player beside the timeline of who speaks, with the sound inside the page.

Each output is one ``<wsw-timeline>`` element. Its picture is plain HTML in a declarative shadow root, so it
shows without a script; a small script adds the moving cursor, playing a single turn, and the keyboard.
Nothing is asked of another host.

Chapter: start
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np

from diarbook.audio import SAMPLE_RATE, check_waveform, resample
from diarbook.errors import AudioError, OptionError
from diarbook.plots import envelope, row_colors
from diarbook.turns import Turn, merge, speakers

_COLUMNS = 400


def encode_mp3(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """The waveform as MP3, about 40 kbit/s, as long as the original.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
        Within -1 to 1; louder samples are clipped.
    sample_rate : int
        Hz; rates that MP3 lacks are resampled to 16 kHz.

    Returns
    -------
    bytes
        Constant bit rate, so that a browser seeks exactly, with the header that tells the encoder's delay.

    Chapter: start
    """
    import soundfile

    if sample_rate <= 0:
        raise OptionError(f"sample_rate must be positive, got {sample_rate} Hz")
    samples = check_waveform(waveform)
    if sample_rate not in (16_000, 22_050, 24_000, 32_000, 44_100, 48_000):
        samples, sample_rate = resample(samples, sample_rate), SAMPLE_RATE
    buffer = io.BytesIO()
    # 0.8 is 40 kbit/s at 16 kHz. At 32 kbit/s and less the header no longer fits in a frame, and 96 ms of delay stay in.
    soundfile.write(
        buffer,
        np.clip(samples, -1, 1),
        sample_rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=0.8,
        bitrate_mode="CONSTANT",
    )
    return buffer.getvalue()


def play(waveform: np.ndarray, title: str, sample_rate: int = SAMPLE_RATE) -> None:
    """Display a player with the waveform's picture.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    title : str
        What one hears.
    sample_rate : int
        Hz.

    Raises
    ------
    AudioError
        When the waveform is too short, has more than one channel, or holds NaN.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(player_html(waveform, {}, title, sample_rate)))


def timeline(
    waveform: np.ndarray, rows: Mapping[str, Sequence[Turn]], title: str, sample_rate: int = SAMPLE_RATE
) -> None:
    """Display a player above the turns of one or more diarizations of the same recording.

    A click on a turn plays that turn only; a cursor follows the sound; the keyboard does all of it.

    Parameters
    ----------
    waveform : ndarray of shape (samples,)
    rows : mapping of str to sequence of Turn
        Such as ``{"reference": turns, "system": turns}``; one voice has one colour in all of them.
    title : str
        What one hears.
    sample_rate : int
        Hz.

    Chapter: start
    """
    from IPython.display import HTML, display

    display(HTML(player_html(waveform, rows, title, sample_rate)))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _axis(duration: float) -> str:
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600) if duration / s <= 12)
    marks = np.arange(0, duration + 1e-9, step)
    return "".join(f'<i style="left:{100 * mark / duration:.3f}%">{mark:g}</i>' for mark in marks[:-1]) + (
        f'<i style="left:{100 * marks[-1] / duration:.3f}%">{marks[-1]:g} s</i>' if len(marks) > 1 else ""
    )


def _wave(waveform: np.ndarray) -> str:
    low, high = envelope(waveform, _COLUMNS)
    peak = max(float(np.abs(waveform).max()), 1e-4)
    top = " ".join(f"{i},{50 - 48 * v / peak:.0f}" for i, v in enumerate(high))
    bottom = " ".join(f"{i},{50 - 48 * v / peak:.0f}" for i, v in reversed(list(enumerate(low))))
    return (
        f'<svg viewBox="0 0 {max(len(low) - 1, 1)} 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="{top} {bottom}"/></svg>'
    )


def player_html(
    waveform: np.ndarray, rows: Mapping[str, Sequence[Turn]], title: str, sample_rate: int = SAMPLE_RATE
) -> str:
    """The HTML that :func:`play` and :func:`timeline` display.

    Chapter: start
    """
    waveform = check_waveform(waveform)
    if not isinstance(title, str) or not title.strip():
        raise OptionError("title is empty; say what one hears")
    duration = len(waveform) / sample_rate
    colors = row_colors(rows)
    lanes = []
    for name, turns in rows.items():
        late = [turn for turn in turns if turn.start > duration]
        if late:
            raise AudioError(
                f"{name}: a turn starts at {late[0].start:g} s, after the end of the audio, {duration:g} s"
            )
        own = merge(turns)
        if len(rows) > 1:
            lanes.append(f'<div class="row">{html.escape(name)}</div>')
        for speaker in speakers(own):
            label = html.escape(speaker)
            buttons = "".join(
                f'<button data-s="{t.start:.3f}" data-e="{min(t.end, duration):.3f}" '
                f'style="left:{100 * t.start / duration:.3f}%;width:{100 * (min(t.end, duration) - t.start) / duration:.3f}%" '
                f'aria-label="{label}, {t.start:.1f} to {t.end:.1f} seconds" title="{label} {t.start:.2f}–{t.end:.2f} s">'
                "</button>"
                for t in own
                if t.speaker == speaker
            )
            lanes.append(
                f'<div class="lane" role="group" aria-label="{html.escape(name)}: {label}" '
                f'style="--c:{colors[name][speaker]}"><b>{label}</b><div class="t">{buttons}</div></div>'
            )
        if not own:
            lanes.append('<div class="lane"><b>no speech</b><div class="t"></div></div>')
    sound = base64.b64encode(encode_mp3(waveform, sample_rate)).decode()
    heading = html.escape(title.strip())
    mode = "" if rows else " plain"
    template = (
        f'<template shadowrootmode="open"><style>{_CSS}</style><div class="card{mode}">'
        f'<div class="head"><button class="go" aria-label="play: {heading}"><span></span></button>'
        f"<strong>{heading}</strong><output>{_clock(0)} / {_clock(duration)}</output></div>"
        f'<div class="scroll"><div class="body" style="min-width:{min(max(duration * 12, 260), 3000):.0f}px">'
        f'<div class="lane wave" role="slider" tabindex="0" aria-label="position" aria-valuemin="0" '
        f'aria-valuemax="{duration:.2f}" aria-valuenow="0"><b></b><div class="t">{_wave(waveform)}</div></div>'
        f'{"".join(lanes)}<div class="lane axis"><b></b><div class="t">{_axis(duration)}</div></div>'
        '<div class="over"><b></b><div class="t"><u></u></div></div></div></div>'
        "<slot></slot></div></template>"
    )
    audio = f'<audio controls preload="metadata" src="data:audio/mpeg;base64,{sound}" aria-label="{heading}"></audio>'
    return (
        f'<wsw-timeline data-duration="{duration:.3f}" role="group" aria-label="{heading}">{template}{audio}'
        f"</wsw-timeline><script>{_SCRIPT}</script>"
    )


_CSS = """
:host{display:block;margin:1rem 0;--i:#1c2128;--m:#57606a;--g:#d8dee4;--k:#fff;--t:#f3f5f8;--a:#0072b2;color-scheme:light}
:host-context(html[data-theme=dark]),:host-context(html[theme=dark]),:host-context(body[data-jp-theme-light=false]),
:host-context(body.vscode-dark),:host(.dark){--i:#e6edf3;--m:#9aa4af;--g:#30363d;--k:#161b22;--t:#1f262e;--a:#58a6e0;color-scheme:dark}
*{box-sizing:border-box}
.card{background:var(--k);border:1px solid var(--g);border-radius:10px;padding:10px 12px 8px;color:var(--i);
font:14px/1.3 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",sans-serif}
.head{display:flex;align-items:center;gap:.7em;margin-bottom:6px}
.head strong{flex:1;font-weight:600;min-width:0}
output{color:var(--m);font-variant-numeric:tabular-nums;white-space:nowrap}
.go{width:38px;height:38px;flex:none;border-radius:50%;border:0;background:var(--a);cursor:pointer;padding:0}
.go span{display:block;width:0;height:0;margin:0 auto;border:8px solid transparent;border-left:13px solid var(--k);
border-right:0;transform:translateX(2px)}
.go.on span{width:12px;height:14px;border:0;border-left:4px solid var(--k);border-right:4px solid var(--k);transform:none}
.scroll{overflow-x:auto;scrollbar-width:thin}
.body{position:relative}
.lane,.over{display:flex;align-items:stretch}
.lane>b,.over>b{flex:none;width:var(--w,92px);position:sticky;left:0;z-index:2;background:var(--k);font-weight:500;font-size:12px;
padding-right:8px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;align-self:stretch;line-height:24px}
.plain{--w:0px}.plain b{padding:0}
.lane[style]>b::before{content:"";display:inline-block;width:9px;height:9px;border-radius:3px;background:var(--c);margin-right:6px}
.t{position:relative;flex:1;min-height:24px}
.lane .t{border-bottom:1px solid var(--g)}
.row{font-size:12px;color:var(--m);font-weight:600;position:sticky;left:0;width:max-content;padding:6px 0 2px}
.t button{position:absolute;top:3px;bottom:3px;min-width:3px;border:0;border-radius:3px;padding:0;background:var(--c);cursor:pointer;opacity:.9}
.t button:hover,.t button.on{opacity:1;box-shadow:0 0 0 2px var(--k),0 0 0 4px var(--c)}
:focus-visible{outline:2px solid var(--i);outline-offset:2px;z-index:1}
.wave{cursor:pointer}.wave .t{height:46px;background:var(--t);border-radius:6px;border:0;overflow:hidden}
.wave svg{position:absolute;inset:0;width:100%;height:100%;fill:var(--m)}
.axis .t{border:0;height:18px;min-height:0}.axis i{position:absolute;font:11px/1.2 inherit;font-size:11px;color:var(--m);transform:translateX(-50%);
top:4px;white-space:nowrap;font-style:normal;font-variant-numeric:tabular-nums}.axis i:first-child{transform:none}.axis i:last-child:not(:first-child){transform:translateX(-80%)}
.over{position:absolute;inset:0 0 18px;pointer-events:none}.over b{visibility:hidden}
u{position:absolute;top:0;bottom:0;left:0;width:2px;margin-left:-1px;background:var(--i);visibility:hidden}
.live u{visibility:visible}
.live ::slotted(audio){display:none}
::slotted(audio){width:100%;height:36px;margin-top:6px}
@media(max-width:480px){.card{--w:74px;padding:8px}.plain{--w:0px!important}}
""".strip().replace("\n", "")

_SCRIPT = """
(()=>{if(customElements.get('wsw-timeline'))return;let now=null;
const clock=s=>Math.floor(s/60)+':'+(s%60).toFixed(1).padStart(4,'0');
customElements.define('wsw-timeline',class extends HTMLElement{
connectedCallback(){setTimeout(()=>this.start())}
start(){if(this.ready||!this.isConnected)return;const tpl=this.querySelector('template');let root=this.shadowRoot;
if(!root){if(!tpl)return;root=this.attachShadow({mode:'open'});root.append(tpl.content.cloneNode(true));tpl.remove()}
const a=this.querySelector('audio'),$=q=>root.querySelector(q),D=+this.dataset.duration;if(!a)return;this.ready=1;
const card=$('.card'),go=$('.go'),out=$('output'),wave=$('.wave'),track=wave.querySelector('.t'),line=$('u'),box=$('.scroll'),
turns=[...root.querySelectorAll('.t button')].sort((x,y)=>x.dataset.s-y.dataset.s);
card.classList.add('live');let stop=null,only=null,raf=0;
const draw=()=>{const t=Math.min(a.currentTime,D);line.style.left=100*t/D+'%';out.textContent=clock(t)+' / '+clock(D);
wave.setAttribute('aria-valuenow',t.toFixed(2));wave.setAttribute('aria-valuetext',t.toFixed(1)+' seconds');
for(const b of turns)b.classList.toggle('on',!a.paused&&(only?b===only:t>=+b.dataset.s&&t<+b.dataset.e));
if(!a.paused&&box.scrollWidth>box.clientWidth){const x=line.getBoundingClientRect().left-box.getBoundingClientRect().left;
if(x>box.clientWidth*.85||x<90)box.scrollLeft+=x-box.clientWidth*.35}};
const tick=()=>{if(stop!==null&&a.currentTime>=stop){a.pause();a.currentTime=stop;stop=only=null}draw();if(!a.paused)raf=requestAnimationFrame(tick)};
const seek=t=>{stop=only=null;a.currentTime=Math.max(0,Math.min(D-.01,t));draw()};
const toggle=()=>{stop=only=null;if(a.paused){if(a.currentTime>=D-.05)a.currentTime=0;a.play()}else a.pause()};
const turn=b=>{if(only===b&&!a.paused){a.pause();return}a.currentTime=+b.dataset.s;stop=+b.dataset.e;only=b;a.play()};
a.addEventListener('play',()=>{if(now&&now!==a)now.pause();now=a;go.classList.add('on');go.setAttribute('aria-pressed','true');cancelAnimationFrame(raf);tick()});
a.addEventListener('pause',()=>{go.classList.remove('on');go.setAttribute('aria-pressed','false');draw()});
a.addEventListener('seeked',draw);go.onclick=toggle;
const at=e=>{const r=track.getBoundingClientRect();seek(D*(e.clientX-r.left)/r.width)};
wave.addEventListener('pointerdown',e=>{at(e);wave.setPointerCapture(e.pointerId);wave.onpointermove=at});
wave.addEventListener('pointerup',()=>wave.onpointermove=null);
const lanes=[...root.querySelectorAll('.lane[style]')];
lanes.forEach(l=>[...l.querySelectorAll('button')].forEach((b,i)=>b.tabIndex=i?-1:0));
turns.forEach(b=>b.onclick=()=>turn(b));
const focus=b=>{if(!b)return;b.closest('.lane').querySelectorAll('button').forEach(x=>x.tabIndex=x===b?0:-1);b.focus()};
card.addEventListener('keydown',e=>{if(e.altKey||e.ctrlKey||e.metaKey)return;const b=e.target.dataset&&e.target.dataset.s?e.target:null,k=e.key;let done=1;
if(k===' '||k==='Enter'){if(e.target===go||(k==='Enter'&&!b))return;b&&k==='Enter'?turn(b):b?turn(b):toggle()}
else if(b&&(k==='ArrowRight'||k==='ArrowLeft')){const own=[...b.parentNode.children],i=own.indexOf(b)+(k==='ArrowRight'?1:-1);focus(own[i])}
else if(b&&(k==='ArrowDown'||k==='ArrowUp')){const i=lanes.indexOf(b.closest('.lane'))+(k==='ArrowDown'?1:-1);if(lanes[i]){const s=+b.dataset.s;
focus([...lanes[i].querySelectorAll('button')].sort((x,y)=>Math.abs(x.dataset.s-s)-Math.abs(y.dataset.s-s))[0])}}
else if(k==='ArrowRight'||k==='ArrowUp')seek(a.currentTime+(e.shiftKey?5:1));
else if(k==='ArrowLeft'||k==='ArrowDown')seek(a.currentTime-(e.shiftKey?5:1));
else if(k==='Home')seek(0);else if(k==='End')seek(D);else done=0;
if(done){e.preventDefault();e.stopPropagation()}});draw()}
disconnectedCallback(){const a=this.querySelector('audio');a&&a.pause()}});})();
""".strip()
