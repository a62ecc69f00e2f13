"""The page's one style sheet, and the hash by which the browser knows it."""

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--page:#f3f4f6;--card:#fff;--text:#1b1f24;--soft:#535b65;
--line:#d3d8de;--link:#0b4fc4;--good:#0b6a32;--bad:#a4161a;--unclear:#7a4b00;--open:#1f4b99;
--on:#fff;--code:#eceff3}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--card:#1e2227;--text:#e8eaed;
--soft:#b3bac3;--line:#3d444d;--link:#8ab4f8;--good:#7ddba0;--bad:#ff9c97;--unclear:#f5c26b;
--open:#a3c4ff;--on:#14171b;--code:#2a3037}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 'Segoe UI',Roboto,Helvetica,
Arial,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:64rem;margin:0 auto;padding:0 1rem}
header{display:flex;flex-wrap:wrap;gap:0 1rem;justify-content:space-between;padding-top:.75rem}
header p,footer p{margin:.25rem 0;color:var(--soft);font-size:.875rem}
footer{padding-bottom:2rem}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,input:focus-visible,select:focus-visible,
button:focus-visible,pre:focus-visible{outline:3px solid var(--link);outline-offset:2px}
h1{margin:.5rem 0;font-size:1.625rem;line-height:1.25}
h2{margin:0 0 .5rem;font-size:1.1875rem;line-height:1.3}
h3{margin:0;font-size:1rem}
p{margin:.5rem 0}
time{white-space:nowrap}
.soft{color:var(--soft);font-size:.875rem}
.card{margin:1rem 0;padding:1rem;background:var(--card);border:1px solid var(--line);
border-radius:.5rem}
.counts{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0;padding:0;list-style:none}
.counts a{display:block;padding:.5rem .875rem;background:var(--card);border:1px solid var(--line);
border-radius:.5rem;text-decoration:none;color:var(--text)}
.counts a:hover{border-color:var(--link)}
.counts b{font-size:1.25rem}
.rows{margin:0;padding:0;list-style:none}
.rows>li{padding:.75rem 0 .75rem .75rem;border-left:.25rem solid;border-left-color:var(--open);
margin:.5rem 0}
.rows>li.good{border-left-color:var(--good)}
.rows>li.bad{border-left-color:var(--bad)}
.rows>li.unclear{border-left-color:var(--unclear)}
.rows p{margin:.125rem 0}
.words{font-weight:600;color:var(--open)}
.good .words{color:var(--good)}
.bad .words{color:var(--bad)}
.unclear .words{color:var(--unclear)}
.banner{margin:1rem 0;padding:1rem;border-radius:.5rem;background:var(--open);color:var(--on)}
.banner.good{background:var(--good)}
.banner.bad{background:var(--bad)}
.banner.unclear{background:var(--unclear)}
.banner p{margin:.25rem 0 0}
.quote{margin:1rem 0;padding:.5rem .875rem;background:var(--code);border-radius:.375rem}
.quote p{margin:.125rem 0}
.quote .soft{color:var(--text)}
pre{margin:.5rem 0;padding:.625rem .75rem;background:var(--code);border-radius:.375rem;
font:.875rem/1.5 ui-monospace,Consolas,monospace;white-space:pre-wrap}
summary{cursor:pointer;font-weight:600;padding:.375rem 0}
.fields{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));
gap:.75rem;margin:.5rem 0}
label{display:block;font-size:.875rem}
input,select{display:block;width:100%;min-height:2.75rem;margin-top:.25rem;padding:.25rem .5rem;
font:inherit;color:inherit;background:var(--page);border:1px solid var(--soft);
border-radius:.375rem}
button,.button{display:inline-block;min-height:2.75rem;padding:.5rem 1.25rem;font:inherit;
font-weight:600;color:var(--on);background:var(--link);border:0;border-radius:.375rem;
text-decoration:none;cursor:pointer}
.actions{display:flex;flex-wrap:wrap;gap:.5rem 1.25rem;align-items:center;margin:.75rem 0 0}
.line{margin:0;padding:0;list-style:none}
.line>li{position:relative;margin-left:.4375rem;padding:0 0 .75rem 1.25rem;
border-left:2px solid var(--line)}
.line>li:last-child{border-left-color:transparent;padding-bottom:0}
.line>li::before{content:"";position:absolute;left:-.4375rem;top:.4375rem;width:.75rem;
height:.75rem;border-radius:50%;background:var(--soft)}
.line>li.now::before{background:var(--card);border:2px solid var(--soft)}
.line p{margin:0}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:0;margin:0}
dt,dd{margin:0;padding:.375rem 0;border-top:1px solid var(--line)}
dt{padding-right:1rem;color:var(--soft)}
.filters{padding:.375rem 1rem}
.filters form{padding-bottom:.625rem}
@media (min-width:48rem){.lined>li{display:grid;grid-template-columns:5fr 5fr 6fr;gap:0 1rem;
align-items:baseline;padding:.25rem 0 .25rem .75rem}.lined p{margin:0}}
@media (max-width:30rem){dl{grid-template-columns:1fr}dt{padding-bottom:0}
dd{border-top:0;padding-top:0}h1{font-size:1.375rem}}
@media print{body{background:none}.filters,.actions{display:none}}
"""

STYLE_SOURCE: Final = (
    f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
"""As the Content-Security-Policy names it."""
