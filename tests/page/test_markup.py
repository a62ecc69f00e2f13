from shared.page.markup import Markup, element, joined


def test_what_is_no_markup_is_escaped_as_text_and_in_attributes() -> None:
    made = element("p", "<b> & \"'", title='"><b>')
    assert made == '<p title="&quot;&gt;&lt;b&gt;">&lt;b&gt; &amp; &quot;&#x27;</p>'


def test_markup_stands_as_it_is() -> None:
    assert element("p", element("b", "x"), " y") == "<p><b>x</b> y</p>"


def test_what_is_formatted_of_markup_is_no_markup_any_more() -> None:
    assert joined([f"{Markup('<b>')}"]) == "&lt;b&gt;"


def test_attributes_may_be_reserved_words_or_switches() -> None:
    made = element("input", class_="a", aria_label="b", checked=True, disabled=False)
    assert made == '<input class="a" aria-label="b" checked>'
