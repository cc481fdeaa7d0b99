package mosn.interop;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A bit of everything that Hessian knows. */
public class Item implements Serializable {
    private static final long serialVersionUID = 1L;

    public String name;
    public int number;
    public long big;
    public double ratio;
    public boolean yes;
    public Date when;
    public List<String> tags;
    public Map<String, String> notes;
    public byte[] body;
    public Item inner;

    @Override
    public boolean equals(Object o) {
        if (!(o instanceof Item)) {
            return false;
        }
        Item i = (Item) o;
        return Objects.equals(name, i.name) && number == i.number && big == i.big && ratio == i.ratio && yes == i.yes
            && Objects.equals(when, i.when) && Objects.equals(tags, i.tags) && Objects.equals(notes, i.notes)
            && Arrays.equals(body, i.body) && Objects.equals(inner, i.inner);
    }

    @Override
    public int hashCode() {
        return number;
    }

    @Override
    public String toString() {
        return String.format("%s %d %d %s %s %s %s %s %s (%s)", name, number, big, ratio, yes, when == null ? null : when.getTime(), tags, notes,
            body == null ? null : body.length + " bytes", inner);
    }
}
