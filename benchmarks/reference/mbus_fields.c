/* An M-Bus decoder in plain C that gives the same fields as meterd's: what a frame costs without Python.
 *
 * The problem: a figure "so many times C" means something only where C does the same work. This reads a whole frame of
 * the link layer (lengths, checksum, stop byte), the header that its CI field announces, and of every record function,
 * storage, tariff, subunit, quantity, unit and exact value: integers of any size times a power of ten, BCD with its
 * error digits, reals, dates and times, text, bytes. tests/unit/test_mbus_reference.py holds it against meterd.
 * What it leaves out: the words of VIFE (meterd's qualifiers), decryption, and why a telegram is refused.
 *
 * Two ways to hand the fields on:
 *   structs    into an array of the caller's, on its stack; nothing is allocated, no number is printed
 *   printed    each record allocated and linked, its value as exact decimal text, then all of them freed
 *
 * Standard: EN 13757-2 (link), EN 13757-3 (records). Its use: `mbus_fields` reads frames from stdin, a line of
 * hexadecimal digits each, up to an empty line; then commands, a line each: `dump` prints all fields; `structs N` and
 * `printed N` go N times through all frames and print the nanoseconds of CPU that took. Part of meterd, MIT licence. */

#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_RECORDS = 128, MOST_TEXT = 8192, MOST_FRAMES = 1024, MOST_FRAME = 261, CHAIN_LIMIT = 10, MOST_EXPONENT = 64 };
enum { LARGEST = 80, PRINTED = 512 }; /* bytes of the largest integer with its factors; room for any value as text */

typedef __int128 wide;

enum kind { SIGNED, UNSIGNED, TIME, OCTETS_KIND };
enum function { INSTANTANEOUS, MAXIMUM, MINIMUM, IN_ERROR, MANUFACTURER, MORE_FOLLOW, RESERVED, DAMAGED };
enum quality { GOOD, INVALID, OVERFLOWED };
enum reason { NO_REASON, REFUSED, NOT_FOUND, TYPE, CLOCK, BAD_FRAME };
enum shape { NOTHING, DECIMAL, LARGE, REAL, TEXT, OCTETS, WHEN };
enum when_shape { MONTH = 1, DATE, MINUTE, SECOND, CLOCK_ONLY, ZONED };

static const char *const FUNCTIONS[] = {"instantaneous", "maximum", "minimum", "error", "manufacturer", "more_follow",
                                        "reserved", "damaged"};
static const char *const QUALITIES[] = {"good", "invalid", "overflow"};
static const char *const REASONS[] = {"-", "refused", "not_found", "type", "clock", "bad_frame"};

struct when {
    int year, month, day, hour, minute, second, zone;
    enum when_shape shape;
};

struct value {
    enum shape shape;
    int exponent;
    union {
        wide mantissa;                                 /* DECIMAL */
        uint8_t large[LARGEST];                        /* LARGE, least byte first */
        double real;                                   /* REAL */
        struct { const uint8_t *at; size_t size; };    /* TEXT in the telegram's texts, OCTETS in the frame */
        struct when when;                              /* WHEN */
    };
};

struct meaning {
    const char *quantity, *unit;
    int exponent, factor, offset;
    bool has_offset;
    enum kind kind;
    enum quality quality; /* of an error VIFE, with its reason; GOOD where there is none */
    enum reason reason;
};

struct record {
    enum function function;
    uint64_t storage;
    uint32_t tariff, subunit;
    struct meaning meaning;
    struct value value;
    enum quality quality;
    enum reason reason;
};

struct telegram {
    uint8_t identity[8];
    bool has_identity, has_status;
    uint8_t access_number, status;
    uint16_t configuration;
    size_t count;
    struct record records[MOST_RECORDS];
    size_t used;
    char texts[MOST_TEXT];
};

struct input {
    const uint8_t *at, *end;
};

static const uint8_t *take(struct input *in, size_t size)
{
    const uint8_t *start = in->at;
    if (size > (size_t)(in->end - start))
        return NULL;
    in->at = start + size;
    return start;
}

/* ---- what value information blocks mean ---- */

struct row {
    int first, count;
    const char *quantity, *unit;
    int exponent, factor;
    enum kind kind;
};

static const struct row PRIMARY_ROWS[] = {
    {0x00, 8, "energy", "Wh", -3, 1, SIGNED},
    {0x08, 8, "energy", "J", 0, 1, SIGNED},
    {0x10, 8, "volume", "m³", -6, 1, SIGNED},
    {0x18, 8, "mass", "kg", -3, 1, SIGNED},
    {0x28, 8, "power", "W", -3, 1, SIGNED},
    {0x30, 8, "power", "J/h", 0, 1, SIGNED},
    {0x38, 8, "volume flow", "m³/h", -6, 1, SIGNED},
    {0x40, 8, "volume flow", "m³/min", -7, 1, SIGNED},
    {0x48, 8, "volume flow", "m³/s", -9, 1, SIGNED},
    {0x50, 8, "mass flow", "kg/h", -3, 1, SIGNED},
    {0x58, 4, "flow temperature", "°C", -3, 1, SIGNED},
    {0x5C, 4, "return temperature", "°C", -3, 1, SIGNED},
    {0x60, 4, "temperature difference", "K", -3, 1, SIGNED},
    {0x64, 4, "external temperature", "°C", -3, 1, SIGNED},
    {0x68, 4, "pressure", "bar", -3, 1, SIGNED},
    {0x6C, 1, "date", NULL, 0, 1, TIME},
    {0x6D, 1, "time point", NULL, 0, 1, TIME},
    {0x6E, 1, "heat cost allocation", "units for HCA", 0, 1, SIGNED},
    {0x78, 1, "fabrication number", NULL, 0, 1, UNSIGNED},
    {0x79, 1, "identification", NULL, 0, 1, UNSIGNED},
    {0x7A, 1, "bus address", NULL, 0, 1, UNSIGNED},
    {0x7E, 1, "any VIF", NULL, 0, 1, SIGNED},
    {0x20, 4, "on time", "s", 0, 0, SIGNED}, /* factor 0: second, minute, hour, day in turn */
    {0x24, 4, "operating time", "s", 0, 0, SIGNED},
    {0x70, 4, "averaging duration", "s", 0, 0, SIGNED},
    {0x74, 4, "actuality duration", "s", 0, 0, SIGNED},
    {0, 0, NULL, NULL, 0, 0, SIGNED},
};

static const struct row FB_ROWS[] = {
    {0x00, 2, "energy", "Wh", 5, 1, SIGNED},
    {0x02, 2, "reactive energy", "varh", 3, 1, SIGNED},
    {0x04, 2, "apparent energy", "VAh", 3, 1, SIGNED},
    {0x08, 2, "energy", "J", 8, 1, SIGNED},
    {0x0C, 4, "energy", "cal", 5, 1, SIGNED},
    {0x10, 2, "volume", "m³", 2, 1, SIGNED},
    {0x14, 4, "reactive power", "var", 0, 1, SIGNED},
    {0x18, 2, "mass", "kg", 5, 1, SIGNED},
    {0x1A, 2, "relative humidity", "%", -1, 1, SIGNED},
    {0x20, 1, "volume", "ft³", 0, 1, SIGNED},
    {0x21, 1, "volume", "ft³", -1, 1, SIGNED},
    {0x22, 2, "volume", "US gal", -1, 1, SIGNED},
    {0x24, 1, "volume flow", "US gal/min", -3, 1, SIGNED},
    {0x25, 1, "volume flow", "US gal/min", 0, 1, SIGNED},
    {0x26, 1, "volume flow", "US gal/h", 0, 1, SIGNED},
    {0x28, 2, "power", "W", 5, 1, SIGNED},
    {0x2A, 1, "phase angle voltage to voltage", "°", -1, 1, SIGNED},
    {0x2B, 1, "phase angle voltage to current", "°", -1, 1, SIGNED},
    {0x2C, 4, "frequency", "Hz", -3, 1, SIGNED},
    {0x30, 2, "power", "J/h", 8, 1, SIGNED},
    {0x34, 4, "apparent power", "VA", 0, 1, SIGNED},
    {0x58, 4, "flow temperature", "°F", -3, 1, SIGNED},
    {0x5C, 4, "return temperature", "°F", -3, 1, SIGNED},
    {0x60, 4, "temperature difference", "°F", -3, 1, SIGNED},
    {0x64, 4, "external temperature", "°F", -3, 1, SIGNED},
    {0x70, 4, "cold or warm temperature limit", "°F", -3, 1, SIGNED},
    {0x74, 4, "cold or warm temperature limit", "°C", -3, 1, SIGNED},
    {0x78, 8, "cumulated maximum power", "W", -3, 1, SIGNED},
    {0, 0, NULL, NULL, 0, 0, SIGNED},
};

static const struct row FD_ROWS[] = {
    {0x00, 4, "credit", "currency units", -3, 1, SIGNED},
    {0x04, 4, "debit", "currency units", -3, 1, SIGNED},
    {0x40, 16, "voltage", "V", -9, 1, SIGNED},
    {0x50, 16, "current", "A", -12, 1, SIGNED},
    {0x24, 4, "storage interval", "s", 0, 0, SIGNED},
    {0x2C, 4, "duration since last readout", "s", 0, 0, SIGNED},
    {0x34, 4, "period of tariff", "s", 0, 0, SIGNED},
    {0x3C, 4, "period of nominal data transmissions", "s", 0, 0, SIGNED},
    {0x08, 1, "access number", NULL, 0, 1, UNSIGNED},
    {0x09, 1, "medium", NULL, 0, 1, UNSIGNED},
    {0x0A, 1, "manufacturer", NULL, 0, 1, UNSIGNED},
    {0x0B, 1, "parameter set identification", NULL, 0, 1, UNSIGNED},
    {0x0C, 1, "model version", NULL, 0, 1, UNSIGNED},
    {0x0D, 1, "hardware version", NULL, 0, 1, UNSIGNED},
    {0x0E, 1, "firmware version", NULL, 0, 1, UNSIGNED},
    {0x0F, 1, "software version", NULL, 0, 1, UNSIGNED},
    {0x10, 1, "customer location", NULL, 0, 1, UNSIGNED},
    {0x11, 1, "customer", NULL, 0, 1, UNSIGNED},
    {0x12, 1, "access code user", NULL, 0, 1, UNSIGNED},
    {0x13, 1, "access code operator", NULL, 0, 1, UNSIGNED},
    {0x14, 1, "access code system operator", NULL, 0, 1, UNSIGNED},
    {0x15, 1, "access code developer", NULL, 0, 1, UNSIGNED},
    {0x16, 1, "password", NULL, 0, 1, UNSIGNED},
    {0x17, 1, "error flags", NULL, 0, 1, UNSIGNED},
    {0x18, 1, "error mask", NULL, 0, 1, UNSIGNED},
    {0x19, 1, "security key", NULL, 0, 1, UNSIGNED},
    {0x1A, 1, "digital output", NULL, 0, 1, UNSIGNED},
    {0x1B, 1, "digital input", NULL, 0, 1, UNSIGNED},
    {0x1C, 1, "baud rate", "Bd", 0, 1, UNSIGNED},
    {0x1D, 1, "response delay time", "bit times", 0, 1, UNSIGNED},
    {0x1E, 1, "retry", NULL, 0, 1, UNSIGNED},
    {0x1F, 1, "remote control", NULL, 0, 1, UNSIGNED},
    {0x20, 1, "first storage number for cyclic storage", NULL, 0, 1, UNSIGNED},
    {0x21, 1, "last storage number for cyclic storage", NULL, 0, 1, UNSIGNED},
    {0x22, 1, "size of storage block", NULL, 0, 1, UNSIGNED},
    {0x23, 1, "descriptor for tariff and subunit", NULL, 0, 1, UNSIGNED},
    {0x2A, 1, "operator specific data", NULL, 0, 1, UNSIGNED},
    {0x2B, 1, "time point second", "s", 0, 1, UNSIGNED},
    {0x30, 1, "start of tariff", NULL, 0, 1, TIME},
    {0x3A, 1, "dimensionless", NULL, 0, 1, SIGNED},
    {0x3B, 1, "data container for wireless M-Bus", NULL, 0, 1, OCTETS_KIND},
    {0x60, 1, "reset counter", NULL, 0, 1, UNSIGNED},
    {0x61, 1, "cumulation counter", NULL, 0, 1, UNSIGNED},
    {0x62, 1, "control signal", NULL, 0, 1, UNSIGNED},
    {0x63, 1, "day of week", NULL, 0, 1, UNSIGNED},
    {0x64, 1, "week number", NULL, 0, 1, UNSIGNED},
    {0x65, 1, "time point of day change", NULL, 0, 1, UNSIGNED},
    {0x66, 1, "state of parameter activation", NULL, 0, 1, UNSIGNED},
    {0x67, 1, "special supplier information", NULL, 0, 1, UNSIGNED},
    {0x70, 1, "date of battery change", NULL, 0, 1, TIME},
    {0x71, 1, "RF level", "dBm", 0, 1, SIGNED},
    {0x72, 1, "daylight saving", NULL, 0, 1, UNSIGNED},
    {0x73, 1, "listening window management", NULL, 0, 1, UNSIGNED},
    {0x75, 1, "number of times the meter was stopped", NULL, 0, 1, UNSIGNED},
    {0x76, 1, "data container for manufacturer protocol", NULL, 0, 1, OCTETS_KIND},
    {0x28, 1, "storage interval", "month", 0, 1, SIGNED},
    {0x29, 1, "storage interval", "year", 0, 1, SIGNED},
    {0x31, 1, "duration of tariff", "s", 0, 60, SIGNED},
    {0x32, 1, "duration of tariff", "s", 0, 3600, SIGNED},
    {0x33, 1, "duration of tariff", "s", 0, 86400, SIGNED},
    {0x38, 1, "period of tariff", "month", 0, 1, SIGNED},
    {0x39, 1, "period of tariff", "year", 0, 1, SIGNED},
    {0x68, 1, "duration since last cumulation", "s", 0, 3600, SIGNED},
    {0x69, 1, "duration since last cumulation", "s", 0, 86400, SIGNED},
    {0x6A, 1, "duration since last cumulation", "month", 0, 1, SIGNED},
    {0x6B, 1, "duration since last cumulation", "year", 0, 1, SIGNED},
    {0x6C, 1, "operating time of battery", "s", 0, 3600, SIGNED},
    {0x6D, 1, "operating time of battery", "s", 0, 86400, SIGNED},
    {0x6E, 1, "operating time of battery", "month", 0, 1, SIGNED},
    {0x6F, 1, "operating time of battery", "year", 0, 1, SIGNED},
    {0x74, 1, "remaining battery lifetime", "s", 0, 86400, SIGNED},
    {0, 0, NULL, NULL, 0, 0, SIGNED},
};

static const struct row FIXED_ROWS[] = {
    {0x02, 9, "energy", "Wh", 0, 1, SIGNED},
    {0x0B, 9, "energy", "J", 3, 1, SIGNED},
    {0x14, 9, "power", "W", 0, 1, SIGNED},
    {0x1D, 9, "power", "J/h", 3, 1, SIGNED},
    {0x26, 9, "volume", "m³", -6, 1, SIGNED},
    {0x2F, 9, "volume flow", "m³/h", -6, 1, SIGNED},
    {0x38, 1, "temperature", "°C", -3, 1, SIGNED},
    {0x39, 1, "heat cost allocation", "units for HCA", 0, 1, SIGNED},
    {0x3F, 1, "dimensionless", NULL, 0, 1, SIGNED},
    {0, 0, NULL, NULL, 0, 0, SIGNED},
};

static const char *const VIFE_UNITS[0x40] = {
    [0x20] = "/s", [0x21] = "/min", [0x22] = "/h", [0x23] = "/d", [0x24] = "/week", [0x25] = "/month",
    [0x26] = "/year", [0x27] = "/revolution", [0x2C] = "/l", [0x2D] = "/m³", [0x2E] = "/kg", [0x2F] = "/K",
    [0x30] = "/kWh", [0x31] = "/GJ", [0x32] = "/kW", [0x33] = "/(K·l)", [0x34] = "/V", [0x35] = "/A", [0x36] = "·s",
    [0x37] = "·s/V", [0x38] = "·s/A",
};

static const int DURATIONS[] = {1, 60, 3600, 86400};

static struct meaning primary[128], fb[128], fd[128], fixed[64];

static void fill(struct meaning *table, const struct row *rows)
{
    for (; rows->count; rows++)
        for (int step = 0; step < rows->count; step++) {
            struct meaning *one = &table[rows->first + step];
            one->quantity = rows->quantity;
            one->unit = rows->unit;
            one->exponent = rows->exponent + (rows->factor && rows->count > 1 ? step : 0);
            one->factor = rows->factor ? rows->factor : DURATIONS[step];
            one->kind = rows->kind;
        }
}

/* Append to the texts of the telegram; what finds no room is cut off, which no frame of 261 bytes can bring about. */
static void put(struct telegram *all, const char *text)
{
    size_t size = strlen(text);
    if (size > MOST_TEXT - 1 - all->used)
        size = MOST_TEXT - 1 - all->used;
    memcpy(all->texts + all->used, text, size);
    all->used += size;
    all->texts[all->used] = 0;
}

static const char *begin_text(struct telegram *all)
{
    if (all->used < MOST_TEXT - 1)
        all->used++;
    all->texts[all->used] = 0;
    return all->texts + all->used;
}

static void put_hex(struct telegram *all, const uint8_t *at, const uint8_t *end)
{
    char digits[4];
    for (; at < end; at++) {
        snprintf(digits, sizeof digits, " %02X", *at);
        put(all, digits);
    }
}

static const char *backwards(struct telegram *all, const uint8_t *at, size_t size)
{
    const char *start = begin_text(all);
    char utf8[3] = {0};
    while (size-- > 0) {
        utf8[0] = at[size] < 0x80 ? (char)at[size] : (char)(0xC0 | at[size] >> 6);
        utf8[1] = at[size] < 0x80 ? 0 : (char)(0x80 | (at[size] & 0x3F));
        put(all, utf8);
    }
    return start;
}

static void unknown(struct meaning *meaning, struct telegram *all, const uint8_t *at, const uint8_t *end)
{
    memset(meaning, 0, sizeof *meaning);
    meaning->factor = 1;
    meaning->quantity = begin_text(all);
    put(all, "unknown VIF");
    put_hex(all, at, end);
}

static void forget_scale(struct meaning *meaning, const char *unit, int factor, enum kind kind)
{
    meaning->unit = unit;
    meaning->exponent = 0;
    meaning->factor = factor;
    meaning->has_offset = false;
    meaning->kind = kind;
}

static void refuse_meaning(struct meaning *meaning, enum quality quality, enum reason reason)
{
    meaning->quality = quality;
    meaning->reason = reason;
}

static bool error_vife(struct meaning *meaning, int code)
{
    if (code == 0x01 || code == 0x0B || (code >= 0x0C && code <= 0x0F) || code == 0x1C)
        refuse_meaning(meaning, INVALID, REFUSED);
    else if ((code >= 0x02 && code <= 0x07) || code == 0x15)
        refuse_meaning(meaning, INVALID, NOT_FOUND);
    else if (code == 0x16 || code == 0x17)
        refuse_meaning(meaning, OVERFLOWED, TYPE);
    else if (code == 0x18)
        refuse_meaning(meaning, INVALID, TYPE);
    else
        return false;
    return true;
}

static void apply_vife(struct meaning *meaning, struct telegram *all, int code)
{
    if (error_vife(meaning, code))
        return;
    if (code >= 0x70 && code <= 0x77)
        meaning->exponent += code - 0x76;
    else if (code >= 0x78 && code <= 0x7B) {
        meaning->offset = code - 0x7B;
        meaning->has_offset = true;
    } else if (code == 0x7D)
        meaning->exponent += 3;
    else if (code < 0x40 && VIFE_UNITS[code]) {
        const char *before = meaning->unit ? meaning->unit : "1";
        meaning->unit = begin_text(all);
        put(all, before);
        put(all, VIFE_UNITS[code]);
    } else if (code >= 0x50 && code <= 0x67)
        forget_scale(meaning, "s", DURATIONS[code & 3], UNSIGNED);
    else if (code == 0x39 || code == 0x42 || code == 0x43 || code == 0x46 || code == 0x47 || code == 0x4A ||
             code == 0x4B || code == 0x4E || code == 0x4F || code == 0x6A || code == 0x6B || code == 0x6E || code == 0x6F)
        forget_scale(meaning, NULL, 1, TIME);
    else if (code == 0x13 || (code >= 0x1D && code <= 0x1F))
        meaning->kind = OCTETS_KIND;
    else if (code == 0x41 || code == 0x49)
        forget_scale(meaning, NULL, 1, SIGNED);
}

/* The VIF with its extension table or text; returns where its VIFE begin. `end` is behind the whole block. */
static const uint8_t *read_vif(struct meaning *meaning, struct telegram *all, const uint8_t *vib, const uint8_t *end)
{
    int code = vib[0] & 0x7F;
    if (code == 0x7C) {
        memset(meaning, 0, sizeof *meaning);
        meaning->factor = 1;
        meaning->quantity = meaning->unit = backwards(all, vib + 2, vib[1]);
        return vib + 2 + vib[1];
    }
    if (code == 0x7F) {
        unknown(meaning, all, vib, vib);
        meaning->quantity = begin_text(all);
        put(all, "manufacturer specific");
        put_hex(all, vib + 1, end);
        return end;
    }
    if (vib[0] == 0xEF) {
        unknown(meaning, all, vib, end);
        return end;
    }
    if ((vib[0] == 0xFB || vib[0] == 0xFD) && end - vib > 1) {
        uint8_t codes[3] = {vib[0], vib[1] & 0x7F, 0};
        if (vib[0] == 0xFD && vib[1] == 0xFD && end - vib > 2) {
            codes[1] = 0xFD;
            codes[2] = vib[2] & 0x7F;
            unknown(meaning, all, codes, codes + 3);
            return vib + 3;
        }
        *meaning = (vib[0] == 0xFB ? fb : fd)[codes[1]];
        if (!meaning->quantity)
            unknown(meaning, all, codes, codes + 2);
        return vib + 2;
    }
    *meaning = primary[code];
    if (!meaning->quantity) {
        uint8_t bare = (uint8_t)code;
        unknown(meaning, all, &bare, &bare + 1);
    }
    return vib + 1;
}

static void read_meaning(struct meaning *meaning, struct telegram *all, const uint8_t *vib, const uint8_t *end)
{
    const uint8_t *at = read_vif(meaning, all, vib, end);
    while (at < end && meaning->quality == GOOD) {
        int code = *at++ & 0x7F;
        if (code == 0x7F)
            break;
        if (code == 0x7C && at < end)
            at++;
        else
            apply_vife(meaning, all, code);
    }
    if (abs(meaning->exponent) > MOST_EXPONENT - 3) {
        refuse_meaning(meaning, INVALID, TYPE);
        meaning->exponent = 0;
    }
}

/* ---- values ---- */

static void refuse(struct record *record, enum quality quality, enum reason reason)
{
    record->value.shape = NOTHING;
    record->quality = quality;
    record->reason = reason;
}

static uint64_t little_endian(const uint8_t *data, size_t size)
{
    uint64_t bits = 0;
    while (size-- > 0)
        bits = bits << 8 | data[size];
    return bits;
}

static wide power_of_ten(int exponent)
{
    wide power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static void set_decimal(struct record *record, wide number)
{
    const struct meaning *meaning = &record->meaning;
    record->value.shape = DECIMAL;
    record->value.exponent = meaning->exponent;
    number *= meaning->factor;
    if (meaning->has_offset) {
        number = number * 1000 + power_of_ten(meaning->offset + 3);
        record->value.exponent -= 3;
    }
    record->value.mantissa = number;
}

static void set_octets(struct record *record, const uint8_t *at, size_t size)
{
    record->value.shape = OCTETS;
    record->value.at = at;
    record->value.size = size;
}

static void large_times_plus(uint8_t *large, uint32_t factor, uint32_t more)
{
    uint64_t carry = more;
    for (size_t at = 0; at < LARGEST; at++) {
        carry += (uint64_t)large[at] * factor;
        large[at] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void set_large(struct record *record, const uint8_t *data, size_t size)
{
    const struct meaning *meaning = &record->meaning;
    struct value *value = &record->value;
    value->shape = LARGE;
    value->exponent = meaning->exponent;
    memset(value->large, 0, LARGEST);
    memcpy(value->large, data, size);
    if (meaning->factor != 1)
        large_times_plus(value->large, (uint32_t)meaning->factor, 0);
    if (meaning->has_offset) {
        large_times_plus(value->large, 1000, (uint32_t)power_of_ten(meaning->offset + 3));
        value->exponent -= 3;
    }
}

static void set_integer(struct record *record, const uint8_t *data, size_t size)
{
    uint64_t bits = little_endian(data, size), sign = (uint64_t)1 << (size * 8 - 1);
    if (record->meaning.kind == UNSIGNED || record->meaning.kind == OCTETS_KIND)
        set_decimal(record, bits);
    else if (bits == sign)
        refuse(record, INVALID, TYPE);
    else
        set_decimal(record, bits & sign ? (wide)bits - ((wide)sign << 1) : (wide)bits);
}

static void set_bcd(struct record *record, const uint8_t *data, size_t size, bool negative)
{
    int64_t number = 0;
    for (size_t index = size; index-- > 0;) {
        int high = data[index] >> 4, low = data[index] & 0x0F;
        if (high == 0x0F && index == size - 1) {
            negative = true;
            high = 0;
        }
        if (high > 9 || low > 9) {
            refuse(record, INVALID, TYPE);
            return;
        }
        number = number * 100 + high * 10 + low;
    }
    set_decimal(record, negative ? -number : number);
}

static void set_real(struct record *record, double number)
{
    const struct meaning *meaning = &record->meaning;
    if (!isfinite(number)) {
        refuse(record, INVALID, TYPE);
        return;
    }
    number *= meaning->factor;
    number = meaning->exponent < 0 ? number / pow(10, -meaning->exponent) : number * pow(10, meaning->exponent);
    if (meaning->has_offset)
        number += pow(10, meaning->exponent + meaning->offset);
    record->value.shape = REAL;
    record->value.real = number;
}

static double real32(const uint8_t *data)
{
    uint32_t bits = (uint32_t)little_endian(data, 4);
    float number;
    memcpy(&number, &bits, 4);
    return number;
}

static double real64(const uint8_t *data)
{
    uint64_t bits = little_endian(data, 8);
    double number;
    memcpy(&number, &bits, 8);
    return number;
}

static void set_text(struct record *record, struct telegram *all, const uint8_t *data, size_t size, const uint8_t *wire)
{
    size_t first = 0, end = size;
    bool written = size == 0;
    for (size_t at = 0; at < size; at++)
        written |= data[at] != 0xFF;
    while (end > 0 && data[end - 1] == 0)
        end--;
    while (first < end && (data[first] == 0 || data[first] == ' '))
        first++;
    for (size_t at = first; at < end; at++)
        if (data[at] < 0x20 || (data[at] >= 0x7F && data[at] <= 0x9F)) {
            set_octets(record, wire, size);
            return;
        }
    if (!written) {
        refuse(record, INVALID, NOT_FOUND);
        return;
    }
    record->value.shape = TEXT;
    record->value.at = (const uint8_t *)backwards(all, data + first, end - first);
    record->value.size = all->used - (size_t)((const char *)record->value.at - all->texts);
}

static bool is_date(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 0 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

static int full_year(int year, int century)
{
    if (year > 99)
        return -1;
    return century == 0 && year <= 80 ? 2000 + year : 1900 + 100 * century + year;
}

static void set_when(struct record *record, struct when when)
{
    bool clock = when.hour <= 23 && when.minute <= 59 && when.second <= 59;
    if ((when.shape == CLOCK_ONLY || is_date(when.year, when.month, when.day)) && clock) {
        record->value.shape = WHEN;
        record->value.when = when;
    } else
        refuse(record, INVALID, CLOCK);
}

static void set_bcd_time(struct record *record, const uint8_t *data, size_t size)
{
    int part[6] = {0, 0, 0, 1, 1, 0};
    static const enum when_shape shapes[] = {0, 0, MONTH, DATE, MINUTE, MINUTE, SECOND};
    if (size < 2 || size > 6) {
        refuse(record, INVALID, TYPE);
        return;
    }
    for (size_t at = 0; at < size; at++) {
        if (data[at] >> 4 > 9 || (data[at] & 0x0F) > 9) {
            refuse(record, INVALID, CLOCK);
            return;
        }
        part[6 - size + at] = (data[at] >> 4) * 10 + (data[at] & 0x0F);
    }
    set_when(record, (struct when){full_year(part[5], 0), part[4], part[3], part[2], part[1], part[0], 0, shapes[size]});
}

/* Type M: time zone, resolution and epoch in a byte, then ticks. */
static void set_ticks(struct record *record, const uint8_t *data, size_t size)
{
    static const int shifts[] = {-1, 0, 8, 15};
    if (size < 2 || size > 9) {
        refuse(record, INVALID, TYPE);
        return;
    }
    int zone = (data[0] & 0x1F) > 15 ? (data[0] & 0x1F) - 32 : data[0] & 0x1F;
    int shift = shifts[data[0] >> 5 & 3];
    uint64_t bits = little_endian(data + 1, size - 1);
    if (bits == UINT64_MAX >> (64 - 8 * (size - 1))) {
        refuse(record, INVALID, CLOCK);
        return;
    }
    wide ticks = shift < 0 ? (wide)bits * 2 : (wide)bits;
    if (shift < 0)
        shift = 0;
    if (zone == -16) {
        for (int at = 0; at < shift; at++)
            ticks *= 5;
        record->value.shape = DECIMAL;
        record->value.mantissa = ticks;
        record->value.exponent = -shift;
        return;
    }
    wide seconds = (ticks >> shift) + (data[0] & 0x80 ? 0 : 15706 * 86400) + zone * 3600;
    if (seconds < 0 || seconds >= 253402300800) {
        refuse(record, INVALID, CLOCK);
        return;
    }
    time_t since_1970 = (time_t)seconds;
    struct tm civil;
    gmtime_r(&since_1970, &civil);
    set_when(record, (struct when){civil.tm_year + 1900, civil.tm_mon + 1, civil.tm_mday, civil.tm_hour, civil.tm_min,
                                   civil.tm_sec, zone, ZONED});
}

static void set_time(struct record *record, const uint8_t *data, size_t size, int coding, int lvar)
{
    struct when when = {0};
    const uint8_t *date = size == 4 ? data + 2 : size == 6 ? data + 3 : data;
    if ((coding > 8 && lvar < 0) || lvar >> 4 == 0x0C)
        set_bcd_time(record, data, size);
    else if (lvar >= 0)
        set_ticks(record, data, size);
    else if (coding == 5 || coding == 1 || coding == 7)
        refuse(record, INVALID, TYPE);
    else if ((size == 4 && data[0] & 0x80) || (size == 6 && data[1] & 0x80))
        refuse(record, INVALID, CLOCK);
    else {
        when.shape = size == 2 ? DATE : size == 3 ? CLOCK_ONLY : size == 4 ? MINUTE : SECOND;
        if (size != 3) {
            when.year = full_year(date[0] >> 5 | (date[1] & 0xF0) >> 1, size == 4 ? data[1] >> 5 & 3 : 0);
            when.month = date[1] & 0x0F;
            when.day = date[0] & 0x1F;
        }
        if (size == 4) {
            when.hour = data[1] & 0x1F;
            when.minute = data[0] & 0x3F;
        } else if (size != 2) {
            when.hour = data[2] & 0x1F;
            when.minute = data[1] & 0x3F;
            when.second = data[0] & 0x3F;
        }
        set_when(record, when);
    }
}

static void set_variable(struct record *record, struct telegram *all, const uint8_t *data, size_t size, int lvar,
                         const uint8_t *wire)
{
    int kind = lvar >> 4;
    if (record->meaning.kind == OCTETS_KIND)
        set_octets(record, wire, size);
    else if (kind < 0x0C)
        set_text(record, all, data, size, wire);
    else if (size == 0)
        refuse(record, INVALID, NOT_FOUND);
    else if (kind == 0x0C && record->meaning.kind == TIME)
        set_time(record, data, size, 0x0D, lvar);
    else if (kind == 0x0C || kind == 0x0D)
        set_bcd(record, data, size, kind == 0x0D);
    else if (lvar == 0xF4)
        set_real(record, real32(data));
    else if (lvar == 0xF8)
        set_real(record, real64(data));
    else if (record->meaning.kind == TIME)
        set_time(record, data, size, 0x0D, lvar);
    else if (size > 8)
        set_large(record, data, size);
    else
        set_decimal(record, little_endian(data, size));
}

static void set_value(struct record *record, struct telegram *all, const uint8_t *wire, size_t size, int coding,
                      int lvar, bool msb_first)
{
    const uint8_t *data = wire;
    uint8_t turned[MOST_FRAME];
    if (msb_first && size > 1) {
        for (size_t at = 0; at < size; at++)
            turned[at] = wire[size - 1 - at];
        data = turned;
    }
    if (record->meaning.quality != GOOD)
        refuse(record, record->meaning.quality, record->meaning.reason);
    else if (coding == 0 || coding == 8)
        refuse(record, INVALID, NOT_FOUND);
    else if (lvar >= 0)
        set_variable(record, all, data, size, lvar, wire);
    else if (record->meaning.kind == TIME)
        set_time(record, data, size, coding, lvar);
    else if (coding == 5)
        set_real(record, real32(data));
    else if (coding > 8)
        set_bcd(record, data, size, false);
    else
        set_integer(record, data, size);
}

/* ---- records ---- */

static int variable_size(int lvar)
{
    int low = lvar & 0x0F;
    if (lvar < 0xC0)
        return lvar;
    if (lvar < 0xE0)
        return low <= 9 ? low : -1;
    if (lvar < 0xF0)
        return low;
    if (low < 4)
        return 4 * (low + 4);
    return low == 4 || low == 8 ? low : low == 5 ? 48 : low == 6 ? 64 : -1;
}

static bool read_dife(struct input *in, struct record *record, int more)
{
    for (int count = 0; more; count++) {
        const uint8_t *byte = take(in, 1);
        if (!byte || count == CHAIN_LIMIT)
            return false;
        record->storage |= (uint64_t)(*byte & 0x0F) << (1 + 4 * count);
        record->tariff |= (uint32_t)(*byte >> 4 & 3) << (2 * count);
        record->subunit |= (uint32_t)(*byte >> 6 & 1) << count;
        more = *byte & 0x80;
    }
    return true;
}

static bool skip_vib(struct input *in)
{
    const uint8_t *byte = take(in, 1);
    if (!byte)
        return false;
    int more = *byte & 0x80;
    if ((*byte & 0x7F) == 0x7C) {
        byte = take(in, 1);
        if (!byte || !take(in, *byte))
            return false;
    }
    for (int count = 0; more; count++) {
        byte = take(in, 1);
        if (!byte || count == CHAIN_LIMIT)
            return false;
        more = *byte & 0x80;
    }
    return true;
}

static void rest_of_telegram(struct record *record, enum function function, const uint8_t *at, const uint8_t *end)
{
    memset(record, 0, sizeof *record);
    record->function = function;
    record->meaning.quantity = "manufacturer specific";
    set_octets(record, at, (size_t)(end - at));
}

static bool read_record(struct input *in, struct record *record, struct telegram *all, bool msb_first)
{
    static const int sizes[] = {0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0};
    int dif = *take(in, 1), coding = dif & 0x0F, lvar = -1, size = sizes[coding];
    if (coding == 0x0F) {
        enum function function = dif == 0x0F ? MANUFACTURER : dif == 0x1F ? MORE_FOLLOW : RESERVED;
        rest_of_telegram(record, function, in->at, in->end);
        in->at = in->end;
        return true;
    }
    record->function = (enum function)(dif >> 4 & 3);
    record->storage = dif >> 6 & 1;
    record->tariff = record->subunit = 0;
    record->quality = GOOD;
    record->reason = NO_REASON;
    if (!read_dife(in, record, dif & 0x80))
        return false;
    const uint8_t *vib = in->at;
    if (!skip_vib(in))
        return false;
    read_meaning(&record->meaning, all, vib, in->at);
    if (coding == 0x0D) {
        const uint8_t *byte = take(in, 1);
        if (!byte || (size = variable_size(lvar = *byte)) < 0)
            return false;
    }
    const uint8_t *data = take(in, (size_t)size);
    if (!data)
        return false;
    set_value(record, all, data, (size_t)size, coding, lvar, msb_first);
    return true;
}

static bool read_records(struct telegram *all, const uint8_t *at, const uint8_t *end, bool msb_first)
{
    struct input in = {at, end};
    while (in.at < end && all->count < MOST_RECORDS) {
        const uint8_t *begin = in.at;
        struct record *record = &all->records[all->count];
        if (*begin == 0x2F) {
            in.at++;
            continue;
        }
        if (!read_record(&in, record, all, msb_first)) {
            if (!all->count)
                return false;
            rest_of_telegram(record, DAMAGED, begin, end);
            refuse(record, INVALID, BAD_FRAME);
            in.at = end;
        }
        all->count++;
    }
    return true;
}

/* ---- telegrams ---- */

static bool in_the_clear(unsigned configuration)
{
    static const unsigned unsupported = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 13 | 1 << 15;
    unsigned mode = configuration >> 8 & 0x1F;
    return !(mode < 16 && unsupported >> mode & 1) && !(mode == 5 && configuration & 0xF0);
}

static bool read_long_header(struct telegram *all, const uint8_t *data, size_t size, bool msb_first)
{
    if (size < 12)
        return false;
    all->has_identity = all->has_status = true;
    all->access_number = data[8];
    all->status = data[9];
    for (int at = 0; at < 8; at++)
        all->identity[at] = data[!msb_first || at > 5 ? at : at < 4 ? 3 - at : 9 - at];
    all->configuration = msb_first ? (uint16_t)(data[10] << 8 | data[11]) : (uint16_t)(data[10] | data[11] << 8);
    return in_the_clear(all->configuration);
}

static bool read_short_header(struct telegram *all, const uint8_t *data, size_t size)
{
    if (size < 4)
        return false;
    all->has_status = true;
    all->access_number = data[0];
    all->status = data[1];
    all->configuration = (uint16_t)(data[2] | data[3] << 8);
    return in_the_clear(all->configuration);
}

static bool read_alarm(struct telegram *all, int ci, const uint8_t *data, size_t size)
{
    size_t header = ci == 0x75 ? 12 : ci == 0x74 ? 4 : 0;
    uint8_t states[4] = {0};
    if (size < header)
        return false;
    if (header && !in_the_clear(data[header - 2] | (unsigned)data[header - 1] << 8))
        return false;
    while (size > header && data[size - 1] == 0x2F)
        size--;
    if (size - header < 1 || size - header > 4)
        return false;
    memcpy(states, data + header, size - header);
    if (header == 12) {
        all->has_identity = true;
        memcpy(all->identity, data, 8);
    }
    memset(&all->records[0], 0, sizeof all->records[0]);
    all->records[0].meaning = (struct meaning){.quantity = "alarm", .factor = 1, .kind = UNSIGNED};
    set_integer(&all->records[0], states, 4);
    all->count = 1;
    return true;
}

static bool read_fixed(struct telegram *all, const uint8_t *data, size_t size, bool msb_first)
{
    if (size != 16)
        return false;
    int units[] = {data[6] & 0x3F, data[7] & 0x3F}, stored[] = {data[5] >> 1 & 1, data[5] >> 1 & 1};
    all->has_identity = all->has_status = true;
    for (int at = 0; at < 4; at++)
        all->identity[at] = data[msb_first ? 3 - at : at];
    all->identity[4] = all->identity[5] = all->identity[6] = 0;
    all->identity[7] = (uint8_t)(data[6] >> 6 | (data[7] >> 6) << 2);
    all->access_number = data[4];
    all->status = data[5];
    if (units[1] == 0x3E) {
        units[1] = units[0];
        stored[1] = 1;
    }
    for (int at = 0; at < 2; at++) {
        struct record *record = &all->records[at];
        memset(record, 0, sizeof *record);
        record->storage = (uint64_t)stored[at];
        record->meaning = fixed[units[at]];
        if (!record->meaning.quantity) {
            char words[24];
            record->meaning = (struct meaning){.quantity = begin_text(all), .factor = 1};
            snprintf(words, sizeof words, "unknown unit %02X", units[at]);
            put(all, words);
        }
        set_value(record, all, data + 8 + 4 * at, 4, data[5] & 1 ? 4 : 0x0C, -1, msb_first);
    }
    all->count = 2;
    return true;
}

/* A frame of the link layer that is exactly `size` bytes, and all that is in it. Returns: whether it holds data. */
static bool decode(const uint8_t *frame, size_t size, struct telegram *all)
{
    unsigned sum = 0;
    if (size < 9 || frame[0] != 0x68 || frame[1] != frame[2] || frame[3] != 0x68 || frame[1] < 3)
        return false;
    if (size != (size_t)frame[1] + 6 || frame[size - 1] != 0x16)
        return false;
    for (size_t at = 4; at < size - 2; at++)
        sum += frame[at];
    if ((sum & 0xFF) != frame[size - 2])
        return false;
    const uint8_t *data = frame + 7, *end = frame + size - 2;
    size_t length = (size_t)(end - data);
    all->has_identity = all->has_status = false;
    all->configuration = 0;
    all->count = all->used = 0;
    switch (frame[6]) {
    case 0x72:
    case 0x76:
        return read_long_header(all, data, length, frame[6] == 0x76) && read_records(all, data + 12, end, frame[6] == 0x76);
    case 0x7A:
        return read_short_header(all, data, length) && read_records(all, data + 4, end, false);
    case 0x78:
        return read_records(all, data, end, false);
    case 0x71:
    case 0x74:
    case 0x75:
        return read_alarm(all, frame[6], data, length);
    case 0x73:
    case 0x77:
        return read_fixed(all, data, length, frame[6] == 0x77);
    }
    return false;
}

/* ---- values as text ---- */

/* Digits of a number at the end of `room`; returns where they begin. */
static char *digits_of(unsigned __int128 number, char *end)
{
    while (number > UINT64_MAX) {
        *--end = (char)('0' + (int)(number % 10));
        number /= 10;
    }
    uint64_t rest = (uint64_t)number;
    do
        *--end = (char)('0' + rest % 10);
    while (rest /= 10);
    return end;
}

static char *digits_of_large(const uint8_t *large, char *end)
{
    uint8_t rest[LARGEST];
    size_t used = LARGEST;
    memcpy(rest, large, LARGEST);
    do {
        unsigned remainder = 0;
        while (used > 0 && !rest[used - 1])
            used--;
        for (size_t at = used; at-- > 0;) {
            remainder = remainder << 8 | rest[at];
            rest[at] = (uint8_t)(remainder / 10);
            remainder %= 10;
        }
        *--end = (char)('0' + remainder);
        while (used > 0 && !rest[used - 1])
            used--;
    } while (used);
    return end;
}

/* Sign, digits from `digits` to `end` and the point; returns the size. */
static size_t put_decimal(char *text, bool negative, const char *digits, const char *end, int exponent)
{
    char *at = text;
    size_t count = (size_t)(end - digits), places = exponent < 0 ? (size_t)-exponent : 0;
    if (exponent > 0 && count == 1 && *digits == '0')
        exponent = 0;
    if (negative)
        *at++ = '-';
    if (!places) {
        memcpy(at, digits, count);
        memset(at + count, '0', (size_t)exponent);
        at += count + (size_t)exponent;
    } else if (count > places) {
        memcpy(at, digits, count - places);
        at[count - places] = '.';
        memcpy(at + count - places + 1, end - places, places);
        at += count + 1;
    } else {
        memcpy(at, "0.", 2);
        memset(at + 2, '0', places - count);
        memcpy(at + 2 + places - count, digits, count);
        at += 2 + places;
    }
    return (size_t)(at - text);
}

static char *two(char *at, int number, char behind)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    at[2] = behind;
    return at + 3;
}

static size_t put_when(char *text, const struct when *when)
{
    char *at = text;
    if (when->shape != CLOCK_ONLY) {
        two(at, when->year / 100, '-');
        at = two(at + 2, when->year % 100, '-');
        at = two(at, when->month, '-');
        if (when->shape == MONTH)
            return 7;
        at = two(at, when->day, 'T');
        if (when->shape == DATE)
            return 10;
    }
    at = two(at, when->hour, ':');
    at = two(at, when->minute, ':');
    if (when->shape == MINUTE)
        return 16;
    at = two(at, when->second, when->zone < 0 ? '-' : '+');
    if (when->shape == ZONED) {
        at = two(at, abs(when->zone), ':');
        at = two(at, 0, 0);
    }
    return (size_t)(at - text - 1);
}

/* The value as exact text in `text` (PRINTED bytes); returns its size. */
static size_t print_value(char *text, const struct value *value)
{
    static const char hex[] = "0123456789ABCDEF";
    char digits[256], *end = digits + sizeof digits;
    switch (value->shape) {
    case NOTHING:
        break;
    case DECIMAL: {
        bool negative = value->mantissa < 0;
        unsigned __int128 size = negative ? -(unsigned __int128)value->mantissa : (unsigned __int128)value->mantissa;
        return put_decimal(text, negative, digits_of(size, end), end, value->exponent);
    }
    case LARGE:
        return put_decimal(text, false, digits_of_large(value->large, end), end, value->exponent);
    case REAL:
        return (size_t)snprintf(text, PRINTED, "%.17g", value->real);
    case TEXT:
        memcpy(text, value->at, value->size);
        return value->size;
    case OCTETS:
        for (size_t at = 0; at < value->size; at++) {
            text[3 * at] = hex[value->at[at] >> 4];
            text[3 * at + 1] = hex[value->at[at] & 0x0F];
            text[3 * at + 2] = ' ';
        }
        return value->size ? 3 * value->size - 1 : 0;
    case WHEN:
        return put_when(text, &value->when);
    }
    return 0;
}

/* ---- each record handed on by itself ---- */

struct handed {
    struct handed *next;
    const char *function, *quantity, *unit, *quality, *reason;
    uint64_t storage;
    uint32_t tariff, subunit;
    size_t size;
    char value[];
};

static const char *kept(const struct telegram *all, const char *text, char **room)
{
    if (text < all->texts || text >= all->texts + MOST_TEXT)
        return text;
    char *copy = *room;
    *room = stpcpy(copy, text) + 1;
    return copy;
}

static size_t room_for(const struct telegram *all, const char *text)
{
    return text >= all->texts && text < all->texts + MOST_TEXT ? strlen(text) + 1 : 0;
}

static struct handed *hand_on(const struct telegram *all)
{
    struct handed *first = NULL, **last = &first;
    for (size_t at = 0; at < all->count; at++) {
        const struct record *record = &all->records[at];
        char text[4 * PRINTED];
        size_t size = print_value(text, &record->value);
        const char *unit = record->meaning.unit ? record->meaning.unit : "";
        size_t more = room_for(all, unit) + room_for(all, record->meaning.quantity);
        struct handed *one = malloc(sizeof *one + size + 1 + more);
        if (!one)
            abort();
        char *room = one->value + size + 1;
        memcpy(one->value, text, size);
        one->value[size] = 0;
        one->size = size;
        one->function = FUNCTIONS[record->function];
        one->quantity = kept(all, record->meaning.quantity, &room);
        one->unit = kept(all, unit, &room);
        one->quality = QUALITIES[record->quality];
        one->reason = REASONS[record->reason];
        one->storage = record->storage;
        one->tariff = record->tariff;
        one->subunit = record->subunit;
        one->next = NULL;
        *last = one;
        last = &one->next;
    }
    return first;
}

static void release(struct handed *one)
{
    while (one) {
        struct handed *next = one->next;
        free(one);
        one = next;
    }
}

/* ---- the program ---- */

static uint8_t frames[MOST_FRAMES][MOST_FRAME];
static size_t sizes[MOST_FRAMES], count;
static volatile uint64_t sink; /* keeps the compiler from leaving out what nobody reads */

static void dump(const uint8_t *frame, size_t size)
{
    struct telegram all;
    if (!decode(frame, size, &all)) {
        puts("refused");
        return;
    }
    fputs("telegram\t", stdout);
    for (int at = 0; all.has_identity && at < 8; at++)
        printf("%02x", all.identity[at]);
    printf("\t%d\t%d\t%u\n", all.has_status ? all.access_number : -1, all.has_status ? all.status : -1, all.configuration);
    struct handed *first = hand_on(&all);
    size_t at = 0;
    for (struct handed *one = first; one; one = one->next, at++) {
        enum shape shape = all.records[at].value.shape;
        const char *mark = shape == NOTHING ? "-" : shape == REAL ? "real " : shape == DECIMAL || shape == LARGE ? "" : "text ";
        printf("%s\t%llu\t%u\t%u\t%s\t%s\t%s%s\t%s\t%s\n", one->function, (unsigned long long)one->storage, one->tariff,
               one->subunit, one->quantity, one->unit, mark, one->value, one->quality, one->reason);
    }
    release(first);
}

static void decode_all(bool printed)
{
    for (size_t at = 0; at < count; at++) {
        struct telegram all;
        if (!decode(frames[at], sizes[at], &all))
            continue;
        if (!printed) {
            sink += all.count + (uint64_t)all.records[all.count / 2].value.shape;
            continue;
        }
        struct handed *first = hand_on(&all);
        sink += first ? first->size : 0;
        release(first);
    }
}

static size_t read_hex(const char *line, uint8_t *out)
{
    size_t size = 0;
    unsigned byte;
    while (size < MOST_FRAME && sscanf(line + 2 * size, "%2x", &byte) == 1)
        out[size++] = (uint8_t)byte;
    return size;
}

int main(void)
{
    char line[2 * MOST_FRAME + 8], how[16];
    unsigned long rounds;
    fill(primary, PRIMARY_ROWS);
    fill(fb, FB_ROWS);
    fill(fd, FD_ROWS);
    fill(fixed, FIXED_ROWS);
    while (count < MOST_FRAMES && fgets(line, sizeof line, stdin) && line[0] != '\n') {
        sizes[count] = read_hex(line, frames[count]);
        count++;
    }
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "dump", 4)) {
            for (size_t at = 0; at < count; at++)
                dump(frames[at], sizes[at]);
            puts("");
        } else if (sscanf(line, "%15s %lu", how, &rounds) == 2) {
            struct timespec start, end;
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
            for (unsigned long round = 0; round < rounds; round++)
                decode_all(!strcmp(how, "printed"));
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
            printf("%lld\n", (long long)(end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec));
        }
        fflush(stdout);
    }
    return 0;
}
